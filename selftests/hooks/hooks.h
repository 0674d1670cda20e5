/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the enforcement tests share. They are one static program, `hooks`, that runs inside a guest:
 *
 *	main.c		its verbs; the plan: the name of every test there is
 *	vectors.c	the table of vectors: its parts stand in selftests/escapes, a file per class
 *	far.c		the far side of network vectors: servers that count
 *	unix_far.c	the same for unix sockets
 *	decoy.c		what attempts against the fence are made on
 *	giver.c		a process outside the run that hands descriptors over
 *	files.c		the far side of file and exec vectors: contents and markers
 *	rounds.c	every vector untagged, allowed, audited, denied, denied in audit mode, and allowed and
 *			recorded
 *	actor.c		what runs tagged: makes the attempts and reports what each met
 *	notes.c		what the log says of a run as a whole, and who accepts at the other end
 *	journal.c	reads the audit log
 *	command.c	starts programs, with time limits
 *	attempts.c	what run.c and shared.c run behind the fence
 *	run.c		`ringfence run`: exit codes, and the ways it fails
 *	shared.c	the loaded fence: load, apply, daemon, status, unload, a burst of denials
 *	alias.c		other names for files, and none, where names permit
 *	swap.c		what a run has open while the policy is switched
 *	liveness.c	a fence that is made to fail: who says so, and what is started then
 *	descriptors.c	what a command has open when it is started: tests of shared.c
 *	nested.c	a run inside a run: tests of shared.c
 *	release.c	`ringfence release` on the loaded fence: who is free, the record, refusals
 *	record.c	what is recorded of what is allowed
 *	late.c		`ringfence tag` on the loaded fence: refusals, what it shows, what it leaves open
 *	pids.c		ringfence in a pid name space of its own
 *	gate.c		runs of an ordinary user, by way of the daemon
 *	enter.c		runs that begin without a launcher
 *	log.c		the daemon's log: where it fails, and where it is rotated
 *	ranges.c	published address lists: 1,000 samples each, judged beforehand on the host
 *	reach.c		what selftests/untagged runs, tagged and untagged
 *
 * A vector is one way to reach one kind of object. What it reached is judged at the far side: what
 * the server accepted, what came out of the file, which marker was written.
 */
#pragma once

#include <jansson.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define WORK		"/work/tests"	/* everything the tests write; made by in-guest */
#define NAME_SIZE	64
#define VECTORS_MAX	512
#define WAIT_MS		60000		/* how long any condition may take: that a fence is up, too */

/* --- vectors -------------------------------------------------------------------------------- */

enum judged {
	BY_RULE,			/* by the rule about the vector's service */
	BY_DOUBT,			/* denied with EPERM whatever the rules say */
	AUDITED,			/* recorded whatever the rules say, and never denied */
	IMPLIED,			/* the same, by the rule about @service that every policy has */
	NOT_JUDGED,			/* no record, no denial */
};

/* A network destination. @ip may differ from what the vector writes into its address. */
struct place {
	int family, type, protocol;
	const char *ip;
	uint16_t port;
};

struct vector;

/* What one attempt met, as the actor tells it. */
struct report {
	uint32_t vector;
	int32_t err;			/* 0 or -errno */
	char got[56];			/* what came out of the object */
};

struct vector {
	const char *name;		/* also the name of its service */
	const char *hook;		/* event.action of its first record: "A", or "A|B" where kernels differ */
	/* The attempt; in a process of its own unless @in_main. Returns 0 or -errno. */
	int (*act)(const struct vector *vector, struct report *report);
	/* Why this kernel cannot have it, or NULL: asked in the tester, once. */
	const char *(*missing)(const struct vector *vector);
	bool in_main;
	enum judged judged;
	const char *service;		/* IMPLIED */
	const char *reason;		/* why it is judged where no rule tells; NULL: as others of its kind */
	unsigned int records;		/* of one round; 0 stands for 1 */
	unsigned int records_denied;	/* where a denial ends it early; 0: as many */
	unsigned int effects;		/* at the far side; 0 stands for 1 */
	int control_errno;		/* what an attempt without fence meets; then no effect */
	bool hides_errno;		/* of a denial its caller learns nothing, or something else */
	/* Opens what the vector is about, in a process outside the run: with @inherited, in the launcher,
	 * which hands it on; else in the giver, which passes it when it is asked. */
	int (*open)(const struct vector *vector);
	bool inherited;
	/* Its object. */
	struct place place;
	const char *nets, *ports;	/* in the policy; NULL: those of @place; "" : none */
	const char *target;		/* relative to its folder */
	const char *files, *execs, *sockets; /* in the policy, relative to its folder; or "@abstract" */
	const char *access;		/* of the rule */
	const char *seen_path;		/* in the record, in its folder; "": not asserted */
	const char *seen_access;	/* in the record */
	const char *script;		/* in the record, relative to its folder */
	const char *executable;		/* a program that it becomes, by a name in its folder */
	const char *seen_act;		/* in the record, where there is no object */
	bool no_inode;			/* in the record: it was not there yet */
	bool by_the_way;		/* where it is allowed, that need not be recorded: policy/README.md */
	/* In the tester, untagged: before each round, and the count of effects afterwards. */
	void (*prepare)(const struct vector *vector);
	unsigned int (*count)(const struct vector *vector, const struct report *report);
	const char *what;		/* for @act: which of its kinds */
};

const struct vector *vector_at(uint32_t number);	/* NULL: there is none */
size_t vector_count(void);
uint32_t vector_number(const struct vector *vector);

/* The name a process bears while it makes an attempt: the records have it. */
void vector_comm(const struct vector *vector, char ret_comm[16]);
void vector_bear_name(const struct vector *vector);
/* WORK/files/NAME or a file there, in one of a few buffers that are used in turn. An absolute path is
 * itself. */
const char *vector_path(const struct vector *vector, const char *file);

/* Ends the tester where a vector's preparation failed. */
void need(bool condition, const struct vector *vector);

/* Asks what this kernel cannot have, for all vectors, and for the actors that are started later. */
void vectors_examine(void);
/* Why this kernel cannot have a vector, or NULL. */
const char *vector_missing(const struct vector *vector);

/* A class of vectors, a file of selftests/escapes; @vectors ends with one without name. */
struct class {
	const char *name;
	const struct vector *vectors;
};
const struct class *class_at(size_t number);	/* NULL: there is none */

/* --- giver.c -------------------------------------------------------------------------------- */

#define INHERITED_FD(vector) (1024 + (int)vector_number(vector))
#define FILES_MAX 4096			/* that many descriptors this takes */

/* Starts the process that hands descriptors over, and ends it. */
void giver_start(void);
void giver_stop(void);
/* Asks it for the descriptor of a vector. Returns it or -errno; -ENODATA where it did not come. */
int giver_ask(const struct vector *vector);
/* Its pid. */
pid_t giver_pid(void);
/* Opens what the launcher hands on under INHERITED_FD(), and closes that again. */
void inherited_open(void);
void inherited_close(void);

/* --- far.c ---------------------------------------------------------------------------------- */

/* Opens a server at the vector's place; counts what arrived since it was last asked. */
void far_prepare(const struct vector *vector);
unsigned int far_count(const struct vector *vector, const struct report *report);
/* The same of streams that were connected before: counts those on which something came. */
unsigned int far_count_heard(const struct vector *vector, const struct report *report);
/* Connects to the vector's place, as a process outside the run. Returns the descriptor, or -1. */
int far_connect(const struct vector *vector);
/* The same, and has the server say the vector's name. */
int far_connect_and_greet(const struct vector *vector);
/* For vectors without a far side of their own: what the attempt itself saw. */
unsigned int far_as_reported(const struct vector *vector, const struct report *report);

/* A listening TCP socket on IPv4, not blocking; and how many connections it has got. */
int far_listen(const char *ip, uint16_t port);
unsigned int far_accepted(int listener);

/* Address of a place; returns its size. */
socklen_t place_address(const struct place *place, struct sockaddr_storage *ret_address);
socklen_t place_address_as(const char *ip, uint16_t port, struct sockaddr_storage *ret_address);

/* --- unix_far.c ----------------------------------------------------------------------------- */

struct sockaddr_un;

/* The address of a vector's server: @sockets where that is "@name" (with @what zeros behind it), else
 * the path of @target. Returns its size. */
socklen_t unix_address(const struct vector *vector, struct sockaddr_un *ret_address);
socklen_t unix_address_by_path(const char *path, struct sockaddr_un *ret_address);
/* Opens the server anew; counts connections, or what came where others had connected before. */
void unix_prepare(const struct vector *vector);
unsigned int unix_count(const struct vector *vector, const struct report *report);

/* --- decoy.c -------------------------------------------------------------------------------- */

/* Starts a process anew that the fence takes for one of its own, in a control group of its own; ends that
 * of the round before. */
void decoy_prepare(const struct vector *vector);
/* Its pid, for the attempt too. */
pid_t decoy_pid(const struct vector *vector);
/* Holds the vector's name in the decoy, at the same address. */
extern char decoy_memory[NAME_SIZE];
/* A file of its control group. */
const char *decoy_group(const struct vector *vector, const char *file);
/* Whether it has been ended or stopped, and whether FILE_WRITTEN is in its memory. */
unsigned int decoy_count_dead(const struct vector *vector, const struct report *report);
unsigned int decoy_count_written(const struct vector *vector, const struct report *report);

/* bpf(2); returns what it does, or -errno. */
long bpf_call(enum bpf_cmd cmd, union bpf_attr *attr);
/* The number of a map of the fence, or -ENOENT. */
int fence_map_id(const char *name);
/* Pins a map that nobody needs. Returns 0 or -errno. */
int decoy_pin(const char *path);

/* --- files.c -------------------------------------------------------------------------------- */

/* Makes the vector's folder anew with a secret at @target, and the folders that lead there. */
void files_prepare(const struct vector *vector);
/* What comes out of a file goes into the report. Takes and closes what open() returned; 0 or -errno. */
int files_read_out(int fd, struct report *report);
unsigned int files_count_read(const struct vector *vector, const struct report *report);
unsigned int files_count_written(const struct vector *vector, const struct report *report);
unsigned int files_count_truncated(const struct vector *vector, const struct report *report);
/* With a program at @target, which writes a marker. */
void execs_prepare(const struct vector *vector);
unsigned int execs_count(const struct vector *vector, const struct report *report);
#define FILE_WRITTEN "written"

/* Reads a small file into a buffer; returns its length or -errno. */
ssize_t read_small(const char *path, char *ret_text, size_t size);
int write_small(const char *path, const char *text);

/* --- actor.c -------------------------------------------------------------------------------- */

#define REPORTS WORK "/reports"

/* Makes every attempt, and appends a report of each to REPORTS. Returns an exit status. */
int actor_main(int argc, char **argv);
int actor_report(const struct report *report);
/* Returned by an attempt whose report comes from somebody else, later. */
#define REPORTED_LATER 1

/* The attempt of a descendant that was executed anew: argv is NUMBER WHO. */
int again_main(int argc, char **argv);
/* What every test of children does once it is there: connects. Returns 0 or -errno. */
int connect_once(const struct vector *vector);


/* --- command.c ------------------------------------------------------------------------------ */

struct command {
	int status;			/* as a shell has it */
	char out[65536], err[8192];	/* as much as fits */
};

/* Runs to its end, or kills it after WAIT_MS * 2. @uid: run it as that user where it is not 0. */
void command_run(struct command *command, uid_t uid, char *const argv[]);
#define COMMAND(...) ((char *const[]){ __VA_ARGS__, NULL })

/* A program that runs on: with pipes to its stdin and from its stdout. */
struct background {
	pid_t pid;
	int in, out;
};
int background_start(struct background *background, char *const argv[]);
/* Reads a line of its stdout; false after WAIT_MS. */
bool background_line(struct background *background, char *ret_line, size_t size);
/* Closes its stdin and waits: its exit status, or -ETIMEDOUT after WAIT_MS, when it is killed. */
int background_end(struct background *background);

/* The path of this program. */
const char *self_path(void);

int64_t now_ms(void);
/* Sleeps for a moment between two looks at a condition. */
void pause_briefly(void);

/* --- journal.c ------------------------------------------------------------------------------ */

/* The lines of a log, or of one run in it, but for those that tell of its beginning and end; a line that is not
 * JSON makes the journal unreadable. */
struct journal {
	json_t *lines;			/* array */
	char error[128];		/* "" */
};

void journal_read(struct journal *journal, const char *path, const char *run);
/* With those. */
void journal_read_all(struct journal *journal, const char *path, const char *run);
/* Whether a line that was not parsed is one of those. */
bool line_is_note(const char *line);
/* The lines that a ruleset of that generation decided. */
void journal_read_ruleset(struct journal *journal, const char *path, long long generation);
void journal_free(struct journal *journal);
/* A value by its path, "ringfence.errno"; NULL where it is not there. */
const json_t *record_value(const json_t *record, const char *path);
/* The same of a string; "" where it is not there. */
const char *record_text(const json_t *record, const char *path);
/* Calls @each with every line of a log, not parsed, until it returns false. A log that is not there has
 * none. */
void journal_scan(const char *path, bool (*each)(void *ctx, const char *line), void *ctx);
/* How many lines have this string there. */
size_t journal_count(const struct journal *journal, const char *path, const char *text);

/* --- tests ---------------------------------------------------------------------------------- */

/* Why a test failed. */
struct why {
	char text[512];
};

__attribute__((format(printf, 2, 3)))
bool fail(struct why *why, const char *fmt, ...);	/* returns false */

struct test {
	const char *name;
	bool (*run)(struct why *why);
};

/* Each ends with a test without name. */
extern const struct test run_tests[], shared_tests[], notes_tests[], release_tests[], record_tests[], alias_tests[],
	swap_tests[], late_tests[], pids_tests[], gate_tests[], enter_tests[], waiver_tests[], handover_tests[], log_tests[], anew_tests[],
	liveness_tests[], unload_tests[];

void tests_print(const char *suite, const char *name, const struct why *why, bool ok);
/* @names: of the rounds; none: all. */
void rounds_plan(char *const names[]);
/* Prints a line per vector and round. Returns an exit status. */
int rounds_main(int argc, char **argv);
/* Whether the round that is prepared is one with a fence. */
bool rounds_tagged(void);
int classes_main(int argc, char **argv);
int ranges_main(int argc, char **argv);		/* in the guest */
int ranges_actor_main(int argc, char **argv);	/* in the guest, tagged */
int reach_main(int argc, char **argv);		/* selftests/untagged */
int reach_on_main(int argc, char **argv);	/* the same */
int sample_main(int argc, char **argv);		/* on the host */
int big_main(int argc, char **argv);		/* on the host */
/* What enter.c has come in. */
int enter_main(int argc, char **argv);
/* What notes.c has a deploy reach for. */
int reach_local_main(int argc, char **argv);
/* What gate.c has an ordinary user ask. */
int gate_ask_main(int argc, char **argv);

/* What late.c has tagged. */
int family_main(int argc, char **argv);
int ring_main(int argc, char **argv);
/* What pids.c starts elsewhere. */
int in_pids_main(int argc, char **argv);
int beside_main(int argc, char **argv);
int as_number_main(int argc, char **argv);
int as_user_main(int argc, char **argv);
/* What log.c runs behind the fence. */
int open_recorded_main(int argc, char **argv);
/* What handover.c runs behind the fence. */
int onslaught_main(int argc, char **argv);
/* What release.c runs behind the fence. */
int forking_main(int argc, char **argv);
/* What record.c runs behind the fence. */
int deeds_main(int argc, char **argv);
int record_nothing_main(int argc, char **argv);
/* What shared.c and run.c run behind the fence. */
int attempt_main(int argc, char **argv);
int step_main(int argc, char **argv);
int burst_main(int argc, char **argv);
int open_long_path_main(int argc, char **argv);
int list_fds_main(int argc, char **argv);
int mark_main(int argc, char **argv);
int alias_main(int argc, char **argv);
int copy_main(int argc, char **argv);
int keep_main(int argc, char **argv);
/* As the interpreter of a script: INTERPRETER mark-script SCRIPT MARKER. */
int mark_script_main(int argc, char **argv);
