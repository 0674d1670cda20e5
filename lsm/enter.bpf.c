// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Runs that begin without a launcher: whoever executes a listed program, and whoever is in a listed control
 * group, is tagged, so that a deploy need not be changed.
 *
 *	bprm_creds_for_exec	before a program is executed: is it an entry, is the task in a group? Opens
 *				the account of the run, without which the program is not executed
 *	bprm_committing_creds	nothing can go wrong any more: the task gets its tag, before the program
 *				has opened anything
 *	cgroup_mkdir, cgroup_rmdir
 *				keeps the numbers of the groups that are listed by name, and of those below
 *	cgroup_attach_task	a task that was moved into one is tagged at once; user space sees to its
 *				other threads (late.bpf.c)
 *	task_newtask		so is a child that was made into one (CLONE_INTO_CGROUP)
 *
 * While two shifts of programs are attached (abi.h), both do all this. What one of them has done the other finds
 * done; a program that is executed meanwhile may leave an account that nobody comes into, which is closed
 * as the others are.
 *
 * Threat: none from untagged tasks, which only ever come under a policy this way, and need what the
 * kernel asks for to be where they are. A tagged one must not lead others in: whom it moves stays as he is.
 */
#include "enter.bpf.h"
#include "path.bpf.h"
#include "scratch.bpf.h"
#include "waived.bpf.h"

static __always_inline void count_missed_entry(void)
{
	struct losses *lost = losses_here();

	if (lost)
		__sync_fetch_and_add(&lost->entries, 1);
}

/* --- the run -------------------------------------------------------------------------------- */

#define NS_PER_SECOND 1000000000ULL

/* As run_id.h makes them. */
static __always_inline __u64 run_number(void)
{
	__u64 now = bpf_ktime_get_boot_ns(), random = bpf_get_prandom_u32();
	struct about *loaded;
	__u32 key = 0;

	loaded = bpf_map_lookup_elem(&about, &key);
	if (loaded)
		now += loaded->booted_ns;
	return now / NS_PER_SECOND << RUN_RANDOM_BITS | (random & ((1 << RUN_RANDOM_BITS) - 1));
}

/* Counts in memory of which the verifier knows nothing: it would look at every number. */
static long count_step(struct bpf_map *map, const __u64 *run, struct run *account, struct scratch **scratch)
{
	(*scratch)->news++;
	return 0;
}

/* Whoever may execute an entry may do so again and again: that must not leave without an account what
 * a host needs in the meantime. */
static __always_inline bool has_room(void)
{
	struct scratch *scratch = scratch_take();
	bool room;

	if (!scratch)
		return false;
	scratch->news = 0;
	bpf_for_each_map_elem(&runs, count_step, &scratch, 0);
	room = scratch->news < RUNS_MAX - RUNS_RESERVED;
	scratch_give(scratch);
	return room;
}

static __always_inline bool is_stored(long err)
{
	return !err || err == -EEXIST;	/* others who came into the same group have opened it */
}

/* Opens the account of the run that @task begins, and puts its number into @entry, or finds that of the
 * run that it joins. False: there is no room for another one. Its launcher, above whom nobody is of the run,
 * is the parent. */
static __noinline bool open_account(struct entry *entry, struct task_struct *task)
{
	struct task_struct *parent = task->real_parent;
	struct run account = {
		.started_ns = bpf_ktime_get_boot_ns(),
		.policy = entry->policy,
		.pid = parent ? parent->tgid : 0,
		.uid = bpf_get_current_uid_gid(),
		.flags = TAG_ENTERED,
	};
	__u64 run = entry->run ? entry->run : run_number(), none = 0;

	entry->run = run;
	if (run_of(run))
		return true;
	if (!has_room() || !is_stored(bpf_map_update_elem(&logged, &run, &none, BPF_NOEXIST)))
		return false;
	return is_stored(bpf_map_update_elem(&runs, &run, &account, BPF_NOEXIST));
}

static __always_inline bool give_tag_of(struct task_struct *task, const struct entry *entry)
{
	struct tag tag = { .run = entry->run, .policy = entry->policy, .shift = shift_on_duty() };

	return tag_give(task, &tag);
}

/* Whether the policy that is entered denies, and not only records. Without one there is doubt. */
static __always_inline bool is_enforced(const struct entry *entry, struct rules *ret_rules)
{
	struct tag tag = { .policy = entry->policy };

	rules_of(&tag, ret_rules);
	return !ret_rules->head || ret_rules->head->mode != MODE_AUDIT;
}

static __always_inline bool log_fails(void)
{
	__u64 key = LOGGED_FAULT, *fault = bpf_map_lookup_elem(&logged, &key);

	return fault && *fault;
}

/* Begins a run for a program that is about to be executed: what the hook is to return. */
static __noinline long begin_run(struct entry *entry, struct task_struct *task)
{
	__u64 key = (__u64)task;
	struct rules rules;
	bool enforced = is_enforced(entry, &rules);

	if (!(enforced && rules.head && rules.head->deny_unrecorded && log_fails()) &&
	    open_account(entry, task) && !bpf_map_update_elem(&entering, &key, entry, BPF_ANY))
		return 0;
	count_missed_entry();
	return enforced ? -EAGAIN : 0;
}

/* --- by execution --------------------------------------------------------------------------- */

/* Looks a program up among the entries: a slot, ENTRY_NONE, or -1 where it is not among them. */
static __noinline int entry_of_program(const struct rules *rules, const struct place *place)
{
	struct scratch *scratch = scratch_take();
	int slot = -1;

	if (!scratch) {
		count_missed_entry();
		return -1;
	}
	if (walk_place(scratch, place)) {
		path_ask(&scratch->path, CLASS_EXEC, ACCESS_READ);
		decide_path(rules, &scratch->path);
		if (scratch->path.outcome.rule < POLICY_SLOTS)
			slot = scratch->path.outcome.rule;
	}
	scratch_give(scratch);
	return slot;
}

/* The entry that a task is at which executes @bprm, or false. The program goes before the group. */
static __always_inline bool find_entry(struct entry *ret_entry, const struct rules *rules,
				       struct task_struct *task, const struct linux_binprm *bprm)
{
	struct place place = place_of_file(bprm->file);
	int slot = entry_of_program(rules, &place);
	struct process_id id;
	struct entry *group;

	if (slot == ENTRY_NONE || task->tgid == 1 || is_keeper(&id, task))
		return false;
	if (slot > 0) {
		*ret_entry = (struct entry){ .policy = slot };
		return true;
	}
	group = entry_of_task(task);
	if (group)
		*ret_entry = *group;
	return group;
}

SEC("lsm/bprm_creds_for_exec")
long BPF_PROG(enter_bprm_creds_for_exec, struct linux_binprm *bprm, int ret)
{
	struct tag entries = { .policy = ENTRY_SLOT }, tag;
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 key = (__u64)task;
	struct rules rules;
	struct entry entry;

	if (bpf_map_lookup_elem(&entering, &key))
		bpf_map_delete_elem(&entering, &key);
	if (ret)
		return ret;
	rules_of(&entries, &rules);
	if (!rules.head || tag_of(task, &tag) || !find_entry(&entry, &rules, task, bprm))
		return 0;
	return hook_result(begin_run(&entry, task));
}

/* An execution that cannot fail any more must not go on without a tag, where that denies anything. */
SEC("lsm/bprm_committing_creds")
int BPF_PROG(enter_bprm_committing_creds, struct linux_binprm *bprm)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 key = (__u64)task;
	struct entry *found = bpf_map_lookup_elem(&entering, &key), entry;
	struct rules rules;

	if (!found) {
		if (task->bpf_storage)
			take_waivers(task);
		return 0;
	}
	entry = *found;
	bpf_map_delete_elem(&entering, &key);
	if (give_tag_of(task, &entry)) {
		take_waivers(task);
		return 0;
	}
	count_missed_entry();
	if (is_enforced(&entry, &rules))
		bpf_send_signal(SIGKILL);
	return 0;
}

/* --- by control group ----------------------------------------------------------------------- */

/* Lets in a task that came into a group otherwise than by executing something in it. */
static __noinline int come_in(struct task_struct *task, struct entry *group)
{
	struct entry entry = *group;
	struct tag tag;

	if (tag_of(task, &tag))
		return 0;
	if (!open_account(&entry, task) || !give_tag_of(task, &entry)) {
		count_missed_entry();
		group->stragglers = 1;
	}
	return 0;
}

static __always_inline bool is_of_old_hierarchy(const struct cgroup *group)
{
	return BPF_CORE_READ(group, root, hierarchy_id);
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(enter_cgroup_attach_task, struct cgroup *group, const char *path, struct task_struct *task,
	     bool threads)
{
	struct entry *entry;
	struct tag tag;

	if (is_of_old_hierarchy(group))
		return 0;
	entry = entry_of_group(BPF_CORE_READ(group, kn, id));
	if (!entry || is_exempt(task) || tag_of(bpf_get_current_task_btf(), &tag))
		return 0;
	come_in(task, entry);
	if (threads && task->signal->nr_threads > 1)
		entry->stragglers = 1;
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(enter_newtask, struct task_struct *task, unsigned long clone_flags)
{
	struct entry *entry;

	if (!(clone_flags & CLONE_INTO_CGROUP))
		return 0;
	entry = entry_of_task(task);
	if (entry && !is_exempt(task))
		come_in(task, entry);
	return 0;
}

/* --- the groups ----------------------------------------------------------------------------- */

/* Where the parts of a unit's name stand in the path of its group. In memory of which the verifier knows
 * nothing, since a loop fills them in. */
struct group_name {
	struct enter_name key;
	__u32 unit;			/* behind the last slash, */
	__u32 instance;			/* behind the first @ of that, or 0, */
	__u32 kind;			/* and its last dot, or 0 */
	__u32 nested;			/* it is below what is no slice */
};
_Static_assert(sizeof(struct group_name) <= RECORD_TEXT_MAX, "it stands in the text of a scratch");

static __always_inline bool ends_slice(const struct group_name *name, __u32 end)
{
	static const char slice[] = ".slice";

	for (__u32 i = 0; i < sizeof(slice) - 1; i++)
		if (name->key.text[(end - (sizeof(slice) - 1) + i) & (ENTER_NAME_MAX - 1)] != slice[i])
			return false;
	return true;
}

static long group_name_step(__u32 i, void *ctx)
{
	struct group_name *name = *(struct group_name **)ctx;
	char c = name->key.text[i & (ENTER_NAME_MAX - 1)];

	if (c == '/') {
		name->nested |= i && !ends_slice(name, i);
		name->unit = i + 1;
		name->instance = name->kind = 0;
	} else if (c == '@' && !name->instance) {
		name->instance = i + 1;
	} else if (c == '.') {
		name->kind = i;
	}
	return !c;
}

static __always_inline const __u32 *slot_of_name(struct group_name *name)
{
	return bpf_map_lookup_elem(&enter_names, &name->key);
}

static __always_inline bool read_name(struct group_name *name, __u32 at, const char *from)
{
	return bpf_probe_read_kernel_str(&name->key.text[at & (ENTER_NAME_MAX / 2 - 1)], ENTER_NAME_MAX / 2,
					 from) < ENTER_NAME_MAX / 2;
}

/* The slot that a new group is listed for: by its path, as a unit, or as any instance of a template. What a user,
 * or a container, calls a unit is its own: that is below a scope or a service of the host's. */
static __always_inline const __u32 *slot_of_group(struct group_name *name, const char *path)
{
	__u32 unit, instance, kind;
	const __u32 *slot;

	__builtin_memset(name, 0, sizeof(*name));
	if (bpf_probe_read_kernel_str(name->key.text, ENTER_NAME_MAX, path) >= ENTER_NAME_MAX)
		return NULL;
	slot = slot_of_name(name);
	if (slot)
		return slot;
	bpf_loop(ENTER_NAME_MAX, group_name_step, &name, 0);
	if (name->nested)
		return NULL;
	unit = name->unit;
	instance = name->instance;
	kind = name->kind;
	__builtin_memset(&name->key, 0, sizeof(name->key));
	if (!read_name(name, 0, path + unit))
		return NULL;
	slot = slot_of_name(name);
	if (slot || !instance || kind < instance)
		return slot;
	__builtin_memset(&name->key, 0, sizeof(name->key));
	bpf_probe_read_kernel(name->key.text, (instance - unit) & (ENTER_NAME_MAX / 2 - 1), path + unit);
	return read_name(name, instance - unit, path + kind) ? slot_of_name(name) : NULL;
}

static __noinline int name_group(struct scratch *scratch, const char *path)
{
	const __u32 *slot = slot_of_group((struct group_name *)scratch->text, path);

	return slot ? *slot : 0;
}

/* A group below one that is listed is in the same run, unless it is listed itself. */
static __always_inline bool entry_of_new_group(struct entry *ret_entry, const struct cgroup *group,
					       const char *path)
{
	__u64 parent = KREAD(cgroup, KREAD(cgroup, group, self.parent), kn, id);
	struct scratch *scratch = scratch_take();
	struct entry *above;

	if (!scratch) {
		count_missed_entry();
		return false;
	}
	ret_entry->policy = name_group(scratch, path);
	scratch_give(scratch);
	if (ret_entry->policy) {
		ret_entry->run = run_number();
		return true;
	}
	above = bpf_map_lookup_elem(&enter_groups, &parent);
	if (above)
		*ret_entry = *above;
	return above;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(enter_cgroup_mkdir, struct cgroup *group, const char *path)
{
	__u64 id = BPF_CORE_READ(group, kn, id);
	struct entry entry = {};

	if (is_of_old_hierarchy(group) || !entry_of_new_group(&entry, group, path))
		return 0;
	entry.stragglers = 0;
	if (!is_stored(bpf_map_update_elem(&enter_groups, &id, &entry, BPF_NOEXIST)))
		count_missed_entry();
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(enter_cgroup_rmdir, struct cgroup *group, const char *path)
{
	__u64 id = BPF_CORE_READ(group, kn, id);

	if (!is_of_old_hierarchy(group))
		bpf_map_delete_elem(&enter_groups, &id);
	return 0;
}
