/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the kernel programs and user space say to each other: the compiled ruleset, the tag on a
 * task, the audit record, and the limits on all of them. The only header both sides include.
 *
 * A ruleset is one flat image. It begins with struct ruleset and goes on with plain arrays, which
 * the header's tables name by offset and count. The same bytes are what user space evaluates and
 * what a kernel map holds, cut into chunks of RULESET_CHUNK bytes, one per map element. Every entry
 * has a power of two as its size and stands at a multiple of it, so none lies across two chunks
 * and one AND proves an access to the verifier.
 */
#pragma once

#include "hooks.h"

#ifdef __bpf__
#include "kernel.h"
#else
#include <assert.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#endif

#define ABI_VERSION 7

/* Limits. */
#define TAG_NAME_MAX	64	/* with the final 0; names a policy in status lines and records */
#define POLICY_SLOTS	64	/* policies loaded at once; slot 0 is the canary's */
#define RUNS_MAX	4096	/* runs accounted for at once, */
#define RUNS_RESERVED	1024	/* of which these are for runs with a launcher, probes and releases */
#define RUN_RANDOM_BITS	24	/* of a run's number; the seconds since 1970 stand above them */
#define RING_BYTES	(16 * 1024 * 1024)
#define PATH_LENGTH_MAX 4096	/* PATH_MAX: what d_path can give */
#define ARGV_MAX	2048	/* bytes of argv kept per exec; longer ones are cut and flagged */
#define DENTRY_DEPTH_MAX 64	/* ancestors of a file that are looked at; deeper ones are doubt */
#define RULE_COUNT_MAX	65000	/* rule numbers are 16 bits; the rest are the RULE_* below */

/* --- words both sides use ------------------------------------------------------------------ */

/* Ordered by how strict they are: of two verdicts the larger one holds. */
enum verdict {
	VERDICT_ALLOW,
	VERDICT_AUDIT,
	VERDICT_DENY,
};

enum mode {
	MODE_POLICY,		/* in a tag: what the policy says */
	MODE_AUDIT,		/* decide and record, deny nothing */
	MODE_ENFORCE,
};

/* What of the allowed is recorded; what is denied or audited always is. */
enum recording {
	RECORDING_BY_MODE,	/* of a policy that does not say: RECORDING_ALL in audit mode, else _DENIED */
	RECORDING_DENIED,	/* nothing */
	RECORDING_MATCHED,	/* what a rule of the policy's own allows */
	RECORDING_ALL,		/* also what no rule matches */
};

/* The kinds of object: those that a policy has rules and a default for, and two that it has not. */
enum object_class {
	CLASS_NET,
	CLASS_FILE,
	CLASS_EXEC,
	CLASS_SOCKET,			/* unix sockets */
	CLASS_COUNT,
	CLASS_KERNEL = CLASS_COUNT,	/* what the kernel would do on the task's behalf */
	CLASS_FENCE,			/* the fence itself, and what stands outside of it */
	OBJECT_COUNT,
};

enum protocol {
	PROTO_TCP,
	PROTO_UDP,
	PROTO_OTHER,		/* has ports, but is neither: SCTP, DCCP */
	PROTO_COUNT,
	PROTO_NONE = PROTO_COUNT, /* has no ports: raw, ICMP */
};
#define PROTO_BIT(proto) (1 << (proto))
#define PROTO_ALL ((1 << PROTO_COUNT) - 1)

/* How a file is opened; an exec counts as a read. */
#define ACCESS_READ	1
#define ACCESS_WRITE	2
#define ACCESS_KINDS	2

enum hook {
#define HOOK_NUMBER(NAME, name, open) HOOK_##NAME,
	HOOKS(HOOK_NUMBER)
#undef HOOK_NUMBER
	HOOK_COUNT,
};
#define HOOKS_NEEDED (HOOK_TASK_ALLOC + 1)	/* the first so many must be there */

/* Rule numbers that are not rules: why an object was judged without one. */
#define RULE_DEFAULT	0xffff	/* no rule matched: the default of its class */
#define RULE_UNRESOLVED 0xfffe	/* its path or ancestors could not be told: doubt denies */
#define RULE_MALFORMED	0xfffd	/* where it goes could not be told: doubt denies */
#define RULE_NO_RULESET 0xfffc	/* the task's policy is not loaded, or damaged: doubt denies */
#define RULE_ALIAS	0xfffb	/* it would give files other names, and names decide: doubt denies */
#define RULE_BEHALF	0xfffa	/* the kernel would act on the task's behalf */
#define RULE_GUARD	0xfff9	/* the fence protects itself, and what stands outside of it */
#define RULE_LIVENESS	0xfff8	/* nothing was judged: the daemon tells whether the fence holds */
#define RULE_RELEASE	0xfff7	/* nothing was judged: the tags of a run are about to be taken back */
#define RULE_REFUSED	0xfff6	/* nothing was judged: a user was refused to start a run */
#define RULE_BEGIN	0xfff5	/* nothing was judged: a run begins, */
#define RULE_END	0xfff4	/* and is over */
#define RULE_SPECIAL	RULE_END	/* the smallest of them */

/* --- the ruleset --------------------------------------------------------------------------- */

#define RULESET_MAGIC	0x31454c55524652ULL	/* "RFRULE1" in memory */
#define RULESET_CHUNK	65536
#define RULESET_MAX	(512 * 1024 * 1024)

/* `count` entries from byte `off` of the image. */
struct table {
	__u32 off;
	__u32 count;
};

/* Bits set for every key that is somewhere in a table: most lookups end here. */
#define FILTER_WORDS 1024
struct filter {
	__u64 word[FILTER_WORDS];
};

struct ruleset {
	__u64 magic;
	__u64 generation;		/* rises with every apply */
	__u32 version;			/* ABI_VERSION */
	__u32 size;			/* bytes of the whole image, a multiple of RULESET_CHUNK */
	__u8 mode;			/* MODE_AUDIT or MODE_ENFORCE */
	__u8 defaults[CLASS_COUNT];	/* enum verdict */
	__u8 said[CLASS_COUNT];		/* ACCESS_* that rules of the policy speak of, by path, */
	__u8 implied[CLASS_COUNT];	/* and those that only implied rules do */
	__u8 names_grant;		/* some name lets pass what is denied elsewhere: a mount that
					 * gave a file another name would be a way round */
	__u8 deny_unrecorded;		/* what is to be recorded and cannot be is denied, not let pass */
	__u8 record;			/* enum recording */
	__u32 rules_said;		/* the rules of the policy's own; those implied come behind. One of
					 * these that allows is silent: what it matches is never recorded */
	__u32 v4_shift;			/* v4_index is indexed by address >> v4_shift */
	/* IPv4 (numbers in host order): ranges as the places where the matching port map changes.
	 * v4_map[i] holds from v4_start[i] up to v4_start[i + 1]; v4_start[0] is 0. v4_index[h] is
	 * the last i whose start is <= h << v4_shift, and one entry past the end closes it
	 * (DXR: Zec, Rizzo, Mikuc, "DXR: towards a billion routing lookups per second", 2012). */
	struct table v4_index;		/* __u32 */
	struct table v4_start;		/* __u32 */
	struct table v4_map;		/* __u32: number of a port map, or PORT_MAP_NONE */
	/* IPv6: the same without an index. */
	struct table v6_start;		/* struct v6_start */
	struct table v6_map;		/* __u32 */
	struct table port_maps;		/* struct port_map */
	struct table port_starts;	/* __u32: PORT_START(first port, rule) */
	/* Paths of CLASS_FILE, CLASS_EXEC and CLASS_SOCKET. Both hash tables have a power of two as
	 * their size and are probed at most HASH_PROBES entries onwards. */
	struct table paths[CLASS_COUNT];	/* struct path_entry; [CLASS_NET] is empty */
	struct table inodes[CLASS_COUNT];	/* struct inode_entry; [CLASS_NET] is empty */
	struct table rules;		/* struct rule */
	struct table users, groups;	/* __u32: the string of each that may start runs, */
	struct table enter_execs, enter_cgroups; /* and of each that begins one: a path, with a slash at its
					 * end for all below; a control group as in map `enter_names` */
	struct table waivers;		/* struct waiver, at most WAIVERS_MAX */
	struct table needs;		/* struct need; those of one service stand together */
	struct table strings;		/* bytes; every string ends with 0, is padded with 0 to
					 * 8 bytes, begins at a multiple of 8; offset 0 is "" */
	char tag[TAG_NAME_MAX];
	struct filter path_filter;
	struct filter inode_filter;
};

struct v6_start {
	__u64 hi, lo;			/* host order */
};

/* The ports of an address range, each protocol as the places where the rule changes. */
#define PORT_MAP_NONE 0xffffffff
struct port_map {
	__u32 first[PROTO_COUNT];	/* index into port_starts; its port is 0 */
	__u16 count[PROTO_COUNT];	/* 0: no rule for this protocol */
	__u16 strictest;		/* the rule for what has no ports: the strictest of all,
					 * RULE_DEFAULT where that is the default of a port that
					 * no rule matches */
	__u32 unused[3];
};
/* A rule of RULE_DEFAULT says that no rule matches from here on. */
#define PORT_START(port, rule) ((__u32)(port) << 16 | (rule))

#define HASH_PROBES 16

/* A path of the policy, or "@" and the abstract name of a unix socket. Matches the path itself if
 * PATH_EXACT, and if PATH_TREE the directory of that name and everything below. What every policy
 * has without saying so (PATH_IMPLIED) gives way to all that one says. */
#define PATH_EXACT 1
#define PATH_TREE 2
#define PATH_KINDS (PATH_EXACT | PATH_TREE)
#define PATH_IMPLIED 4
struct path_entry {
	__u64 hash;			/* path_hash() of the string with the kind; 0: free slot */
	__u32 string;			/* offset into strings; without the trailing slash */
	__u16 length;			/* of the string */
	__u16 kind;			/* PATH_EXACT or PATH_TREE, and PATH_IMPLIED */
	__u16 rule[ACCESS_KINDS];	/* for read (exec, connect), for write; RULE_DEFAULT: none */
	__u32 unused[3];
};

/* The identity that a path of the policy had when it was applied. */
struct inode_entry {
	__u64 ino;			/* 0: free slot */
	__u32 dev;			/* as the kernel holds it: major << 20 | minor */
	__u32 path;			/* index into the class's paths */
};

struct rule {
	__u8 verdict;			/* enum verdict */
	__u8 implied;			/* every policy has it without saying so */
	__s16 err;			/* -EPERM and the like; what deny returns */
	__u32 service;			/* offsets into strings: the service's name, */
	__u32 why;			/* the reason given, or "", */
	__u32 name;			/* "deny github", */
	__u32 where;			/* "mysql.yaml:12" */
	__u32 reserved[3];
};

/* Who has executed a program, and all that he starts, may reach a service that a rule denies. */
#define WAIVERS_MAX 16
struct waiver {
	__u64 until_ns;			/* since 1970: from then on it does not apply */
	__u32 service;			/* offset of the string, as in the rules of that service */
	__u32 exec;			/* offset of the program's path, */
	__u16 length;			/* and its length */
	__u16 rule;			/* that holds instead: an audit of its own, behind all others */
	__u32 owner;			/* offset of the string */
	__u32 unused[2];
};

/* A service needs another in turn. Offsets into strings. */
struct need {
	__u32 service, needs;		/* names of services */
	__u32 where;			/* "mysql.yaml:9": where the first of the two is defined */
	__u32 unused;
};

/* What a process is called: a pid, and since pids are used again the time it began. */
struct process_id {
	__u64 start_ns;			/* CLOCK_BOOTTIME of the thread group leader */
	__u32 pid;			/* in the initial pid namespace */
	__u32 unused;
};

/* --- the tag, and the accounts of a run ---------------------------------------------------- */

#define TAG_PROBE 1			/* a canary: its records are counted but not logged */
#define TAG_RELEASED 2			/* in an account: the tags of the run have been taken back */
#define TAG_BOUND 4			/* a canary of a shift that is not on duty: no other governs it */
#define TAG_ENTERED 8			/* in an account: begun without a launcher (enter.bpf.c) */
#define TAG_AUDIT 16			/* in an account: a run in audit mode, whatever its policy says, */
#define TAG_ENFORCE 32			/* or in enforce mode; neither: the policy's own */

/* Task storage of every tagged task. */
struct tag {
	__u64 run;			/* key of the map `runs` */
	__u32 generation;		/* the lower half of that of the ruleset that all its descriptors were
					 * opened under: what it opened is judged again once another is in
					 * force. 0: some come from before it was tagged */
	__u32 waived_under;		/* likewise, of that which `waived` belongs to */
	__u16 policy;			/* slot of its ruleset */
	__u16 waived;			/* waivers of the ruleset that it has: a bit for each */
	__u8 mode;			/* enum mode: MODE_POLICY unless the run overrides it */
	__u8 shift;			/* which governs the task (struct duty) */
	__u16 flags;			/* TAG_* */
};
_Static_assert(WAIVERS_MAX <= 16, "a bit for every waiver");

/* What the kernel counts for a run (map `runs`); how much of it the collector has written to the
 * log stands in the map `logged`, so that neither side overwrites the other:
 *	submitted = logged + lost + what still stands in the ring buffer.
 * Decisions only: lost_lineage counts forks, execs and exits, without which a record lacks its
 * argv or parents. */
struct run {
	__u64 submitted;
	__u64 lost;
	__u64 lost_lineage;
	__u64 audited;
	__u64 denied;			/* also those that audit mode only recorded */
	__u64 refused_forks;		/* whose child could not be tagged */
	__u64 unrecorded;		/* accesses that were denied because no record of them found room */
	__u64 allowed;			/* and recorded */
	__u64 repeated;			/* allowed and not recorded, since the process did the same before */
	__u64 started_ns;		/* CLOCK_BOOTTIME; this and the rest written by the launcher */
	__u32 policy;
	__u32 pid;
	__u32 uid;
	__u32 flags;			/* TAG_*; TAG_RELEASED written by the kernel */
};

#define LOGGED_FAULT 0			/* a key of `logged`, and no run's */

/*
 * Runs that begin without a launcher. What is executed is looked up in a ruleset of its own, in slot
 * ENTRY_SLOT: the number of a rule of it is the slot of the policy that is entered, and ENTRY_NONE says
 * that it is no entry after all.
 */
#define ENTRY_SLOT POLICY_SLOTS
#define ENTRY_NONE 0

/* The key of map `enter_names`: the path of a control group from the root of its hierarchy, or the name of
 * a unit, filled up with zeros. */
#define ENTER_NAME_MAX 256
struct enter_name {
	char text[ENTER_NAME_MAX];
};

/* A control group that somebody comes into (map `enter_groups`, by the inode number that stat(2) shows), or
 * one below it. */
#define ENTER_NAMES_MAX 1024
#define ENTER_GROUPS_MAX 8192
#define ENTERING_MAX 8192	/* tasks between the beginning of an execve(2) and its success */
struct entry {
	__u64 run;			/* of all who are in it; 0: each begins one of its own */
	__u32 policy;			/* slot */
	__u32 stragglers;		/* what came in has threads, or was in it before: user space is to
					 * tag them */
};

/* A process that holds the fence or its records (map `keepers`, by pid), and the control groups it
 * is in: a tagged task may not kill it, nor freeze or kill one of those. */
#define KEEPERS_MAX 1024
#define KEEPER_CGROUPS 8
#define KEEPER_TICK_NS 10000000		/* of start_ticks: USER_HZ, as /proc has it */
struct keeper {
	__u64 start_ticks;		/* when it began, since the pid may be used again */
	__u64 cgroups[KEEPER_CGROUPS];	/* inode numbers, from its own one up; 0: no more */
};

/* Records a CPU could not submit (map `losses`, one per CPU), the accesses that it denied for that, and the
 * processes and control groups that should have begun a run and did not. */
struct losses {
	__u64 decisions;
	__u64 lineage;
	__u64 unrecorded;
	__u64 entries;
};

/* The programs that were loaded at once are a shift. While one takes the place of another, with the same
 * maps, two are attached to every hook, and the one on duty governs (map `duty`, one entry, written by user
 * space). A task is taken over by it at its next hook: what that hook asks is judged and recorded by one of
 * them, and never by none. Numbers go from 1 to 255 and round; 0 is nobody's. */
struct duty {
	__u32 shift;
	__u32 last;			/* number that was given out */
	__u64 since_ns;			/* CLOCK_REALTIME, when the first of them was loaded */
	__u64 skipped;			/* process events that earlier ones were not shown */
};

/* A shift (map `about`, one entry, each has its own; written by its loader). */
struct about {
	__u32 version;			/* ABI_VERSION of the programs */
	__u32 pid;			/* that loaded them */
	__u64 loaded_ns;		/* CLOCK_REALTIME */
	char release[32];		/* of ringfence */
	__u64 hooks;			/* that have a program: a HOOK_BIT() each */
	/* The last probe, written by whoever made it: */
	__u64 probed_ns;		/* CLOCK_BOOTTIME; 0: there was none */
	__u64 missed;			/* where it was not denied: a HOOK_BIT() each */
	__s32 fault;			/* -errno where it could not be run; -ENODATA: none of its records
					 * came; 0: neither */
	__u32 watcher;			/* pid of the daemon that has one made every second; 0: none */
	char build[20];			/* of the programs: tells those of one release apart */
	__u32 shift;
	__u64 booted_ns;		/* CLOCK_REALTIME when CLOCK_BOOTTIME was 0 */
};

#define HOOK_BIT(hook)	(1ULL << (hook))
_Static_assert(HOOK_COUNT <= 64, "a bit for every hook");

/* --- the record ---------------------------------------------------------------------------- */

enum record_kind {
	RECORD_DECISION,
	RECORD_FORK,			/* a new tagged process; text: nothing */
	RECORD_EXEC,			/* text: the file executed, 0, then argv, each ending with 0 */
	RECORD_EXIT,			/* the last thread of a tagged process is gone */
};

#define RECORD_ENFORCED	1		/* in enforce mode: a deny was returned, not only recorded */
#define RECORD_TRUNCATED 2		/* text was cut at its limit */
#define RECORD_PROBE	4		/* of a task with TAG_PROBE */
#define RECORD_UNREADABLE 8		/* text could not be read from the task's memory */
#define RECORD_ROOT	16		/* of a child of the run's launcher: no parent is tagged */

struct record {
	__u32 version;			/* ABI_VERSION */
	__u16 kind;			/* enum record_kind */
	__u16 flags;			/* RECORD_* */
	__u32 size;			/* of this record with its text */
	__u32 cpu;
	__u64 cpu_lost;			/* records this CPU had lost when it submitted this one */
	__u64 time_ns;			/* CLOCK_BOOTTIME */
	__u64 run;
	struct process_id process;
	struct process_id parent;
	__u32 tid;
	__u32 uid, gid;
	__u32 text_size;
	char comm[16];
	/* RECORD_DECISION: */
	__u64 generation;		/* of the ruleset that decided, */
	__u32 policy;			/* and the slot it stood in */
	__u32 script;			/* CLASS_EXEC: offset in text of the script this file
					 * interprets, or 0 */
	/* Of files, programs and sockets with a path: identity; the path is the text. Of CLASS_KERNEL
	 * and CLASS_FENCE the text says what it was. */
	__u64 ino;
	__u32 dev;
	__u16 rule;			/* number, or RULE_* */
	__s16 err;			/* what deny returned, or would have returned: -EPERM, … */
	__u8 addr[16];			/* CLASS_NET: network order; IPv4 is v4-mapped */
	__u16 family;			/* of the address that was passed */
	__u16 port;			/* host order */
	__u8 proto;			/* enum protocol */
	__u8 verdict;			/* enum verdict */
	__u8 hook;			/* enum hook */
	__u8 object;			/* enum object_class */
	__u8 access;			/* ACCESS_* */
	__u8 unused[7];
	/* Who is at the other end: of a unix socket the process that listens, of a signal or ptrace
	 * its target; pid 0 where that cannot be told. */
	struct process_id peer;
#ifndef __bpf__
	char text[];			/* text_size bytes */
#endif
};

#define RECORD_TEXT_MAX (2 * PATH_LENGTH_MAX)

/* A process that the reader of the iterator `seen_processes` can see: those of its pid name space, and of the
 * ones below. */
struct seen_process {
	struct process_id process;
	__u32 pid, ppid;		/* what that name space calls it and its parent; 0: it does not know it */
};

/* One tagged task, as the iterator `tagged_tasks` writes them. */
struct tagged_task {
	struct process_id process;
	__u32 tid;
	__u32 ppid;
	struct tag tag;
	char comm[16];
};


/* What `late_tasks` is to do in its passes, and what all of them together did (map `late`). */
struct late {
	struct tag tag;
	__u32 root;			/* pid of the process that is the root of the tree; 0: no order */
	__u8 tree;			/* with all its descendants; else alone */
	__u8 undo;			/* take the tags of the run back */
	__u8 group;			/* there is no root: whoever is in a control group of that run */
	__u8 unused;
	__u32 changed;			/* tasks that got the tag, or lost it */
	__u32 failed;			/* that did not get it, for want of memory, or did not lose it */
	__u32 others;			/* that have the tag of another run */
	__u32 missed;			/* forks and exits that were not seen, orphans that could not be noted */
	__u64 renewed_ns;		/* CLOCK_BOOTTIME, when a task was last looked at in a pass */
};
#define LATE_STALE_NS 60000000000ULL	/* an order without a pass for so long: who gave it was killed */

/* What `note_run` is to record, once, about a run and what no hook is the cause of: in the name of the process
 * that starts it, which its key in the map `notice` tells, or about another. */
#define NOTICES_MAX 1024		/* processes that note something at once */
#define NOTICE_TEXT_MAX RECORD_TEXT_MAX
struct notice_about {
	__u64 run;			/* whose account counts the record: one opened for it alone tells when
					 * it is logged */
	__u64 generation;		/* of the ruleset that is in force for the run, 0: of none, */
	__u32 policy;			/* and the slot it stands in */
	__u32 pid;			/* the process that it is about; 0: the one that starts it */
	__s32 err;			/* -errno where what was said before was not carried out after all */
	__u16 rule;			/* RULE_RELEASE, _BEGIN or _END */
	__u8 verdict;			/* enum verdict */
	__u8 mode;			/* enum mode: the one that holds */
};

/* The text is that of the record. Of a release, strings that end with 0: the run that is released, why, how
 * many tasks it has, login uid and login name of who does it ("" where there is none). Of a run's beginning
 * and end a JSON object (userspace/runs/run_note.h). */
struct notice {
	struct notice_about about;
	__u32 pending;			/* 0: recorded, or counted as lost */
	__u32 size;			/* of text */
	char text[NOTICE_TEXT_MAX];
};

/* Processes noted in the map `late_orphans` at once. */
#define LATE_ORPHANS_MAX 8192

/* A ring that a task of that run holds, as `late_files` and `late_mappings` write them. */
struct late_ring {
	__u32 pid;			/* what the reader's pid name space calls the process */
	__s32 fd;			/* -1: mapped */
};

/* What the linker, the loader and a reader of raw memory rely on. */
#define ABI_SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type " has another size")
ABI_SIZE(struct table, 8);
ABI_SIZE(struct v6_start, 16);
ABI_SIZE(struct port_map, 32);
ABI_SIZE(struct path_entry, 32);
ABI_SIZE(struct inode_entry, 16);
ABI_SIZE(struct rule, 32);
ABI_SIZE(struct tag, 24);
ABI_SIZE(struct waiver, 32);
ABI_SIZE(struct need, 16);
ABI_SIZE(struct run, 96);
ABI_SIZE(struct record, 184);
ABI_SIZE(struct tagged_task, 64);
ABI_SIZE(struct seen_process, 24);
ABI_SIZE(struct late, 56);
ABI_SIZE(struct late_ring, 8);
ABI_SIZE(struct notice_about, 32);
ABI_SIZE(struct notice, 40 + NOTICE_TEXT_MAX);
ABI_SIZE(struct duty, 24);

/* What stays as it is in every ABI_VERSION, so that each ringfence can tell what another one has loaded, and
 * who is behind it (userspace/fence/fence_other.c). */
#define ABI_PLACE(type, field, offset) _Static_assert(__builtin_offsetof(struct type, field) == (offset), \
						      #type "." #field " stands in another place")
ABI_PLACE(about, version, 0);
ABI_PLACE(about, pid, 4);
ABI_PLACE(about, loaded_ns, 8);
ABI_PLACE(about, release, 16);
ABI_PLACE(tagged_task, tid, 16);
ABI_PLACE(tagged_task, tag.run, 24);
ABI_PLACE(tagged_task, tag.flags, 46);
_Static_assert(sizeof(struct ruleset) <= RULESET_CHUNK, "the header fits the first chunk");
