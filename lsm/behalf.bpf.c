// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * What the kernel would do on a tagged task's behalf: reach a server for it, or give files other names.
 *
 *	sb_mount, move_mount, sb_pivotroot	mounts
 *	fs_context_parse_param	file systems, by mount(2) and by fsopen(2) alike: this is before any of them
 *				reaches its server
 *	kernel_module_request	a module that is to be loaded: the kernel starts modprobe, as root, and
 *				nobody's child
 *	key_alloc		a key: the kernel may start request-key, likewise
 *
 * Threat: a connection that no task makes, to a server that the mount options name. And a mount that
 * puts a file where another name permits it: under a policy in which names do permit, there are no
 * mounts. Modules and keys are recorded: what is started for them reaches local files by default.
 */
#include "guard.bpf.h"
#include "net.bpf.h"

static __always_inline struct act act_on_behalf(enum hook hook, __u16 rule)
{
	struct act act = {
		.hook = hook,
		.object = CLASS_KERNEL,
		.decision = { .rule = rule, .verdict = VERDICT_DENY },
	};

	return act;
}

/* --- names ----------------------------------------------------------------------------------- */

static __noinline long judge_alias(const struct tag *tag, enum hook hook)
{
	struct act act = act_on_behalf(hook, RULE_ALIAS);
	struct rules rules;

	rules_of(tag, &rules);
	if (rules.head && !rules.head->names_grant)
		return 0;
	act.tag = *tag;
	act_says(&act, "mount");
	return judge_act(&act);
}

static __noinline long refuse_mount(const struct tag *tag, enum hook hook)
{
	struct act act = act_against_fence(hook);

	act.tag = *tag;
	act_says(&act, "mount of the fence's pins");
	return judge_act(&act);
}

/* What is mounted over a folder stands in its place: as good as written. */
static __noinline long judge_covering(const struct tag *tag, enum hook hook, const struct place *where)
{
	struct path_question question = {
		.tag = *tag,
		.place = *where,
		.hook = hook,
		.object = CLASS_FILE,
		.access = ACCESS_WRITE,
		.rules_only = true,
	};

	return judge_path(&question);
}

/* Judges that something is mounted at @where. */
static __always_inline long judge_mount(const struct tag *tag, enum hook hook, const struct path *where)
{
	struct place place = place_of_path(where);
	long err;

	if (is_of_pins(magic_of(place.dentry)) && shows_to_host(mount_of(place.mnt)))
		return refuse_mount(tag, hook);
	err = judge_alias(tag, hook);
	return err ?: judge_covering(tag, hook, &place);
}

#define MS_PROPAGATION (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)

/* Whether mount(2) is only about who sees further mounts. Other flags go before (path_mount()). */
static __always_inline bool is_about_propagation(unsigned long flags)
{
	return flags & MS_PROPAGATION && !(flags & (MS_REMOUNT | MS_BIND));
}

SEC("lsm/sb_mount")
long BPF_PROG(behalf_sb_mount, const char *source, const struct path *where, const char *type,
	     unsigned long flags, void *data, int ret)
{
	struct tag tag;

	if (ret)
		return ret;
	if (!tag_of_current(&tag) || is_about_propagation(flags))
		return 0;
	/* What is moved is only named here. */
	if (flags & MS_MOVE && !(flags & (MS_REMOUNT | MS_BIND)) && is_at_host())
		return hook_result(refuse_mount(&tag, HOOK_SB_MOUNT));
	return hook_result(judge_mount(&tag, HOOK_SB_MOUNT, where));
}

SEC("lsm/move_mount")
long BPF_PROG(behalf_move_mount, const struct path *from, const struct path *where, int ret)
{
	struct tag tag;

	if (ret)
		return ret;
	if (!tag_of_current(&tag))
		return 0;
	/* A tree that was not mounted yet bears no pins. */
	if (is_of_pins(BPF_CORE_READ(from, dentry, d_sb, s_magic)) && is_at_host())
		return hook_result(refuse_mount(&tag, HOOK_MOVE_MOUNT));
	return hook_result(judge_mount(&tag, HOOK_MOVE_MOUNT, where));
}

SEC("lsm/sb_pivotroot")
long BPF_PROG(behalf_sb_pivotroot, const struct path *old_root, const struct path *new_root, int ret)
{
	struct tag tag;

	if (ret)
		return ret;
	if (!tag_of_current(&tag))
		return 0;
	return hook_result(is_at_host() ? refuse_mount(&tag, HOOK_SB_PIVOTROOT) :
					  judge_alias(&tag, HOOK_SB_PIVOTROOT));
}

/* --- servers --------------------------------------------------------------------------------- */

static __always_inline union short_name type_name_of(const struct file_system_type *type)
{
	return short_name_at(BPF_CORE_READ(type, name));
}

/* Whether a file system lives on this host: on a block device, or in memory. Those that users may
 * mount in name spaces of their own do; of the others there are a few. */
static __always_inline bool is_local_type(const struct file_system_type *type)
{
	union short_name name;

	if (BPF_CORE_READ(type, fs_flags) & (FS_REQUIRES_DEV | FS_USERNS_MOUNT))
		return true;
	name = type_name_of(type);
	return IS_NAMED(&name, "tmpfs") || IS_NAMED(&name, "devtmpfs") || IS_NAMED(&name, "debugfs") ||
	       IS_NAMED(&name, "tracefs") || IS_NAMED(&name, "securityfs") ||
	       IS_NAMED(&name, "configfs") || IS_NAMED(&name, "hugetlbfs") ||
	       IS_NAMED(&name, "cgroup") || IS_NAMED(&name, "cgroup2") || IS_NAMED(&name, "pstore") ||
	       IS_NAMED(&name, "efivarfs") || IS_NAMED(&name, "binfmt_misc");
}

/* Whether a file system reaches what the policy speaks of by ways that are not the task's: to a server, or
 * to files by a thread of the kernel. */
static __always_inline bool is_doubtful_type(const struct file_system_type *type, const struct rules *rules)
{
	union short_name name;

	if (!rules->head)
		return !is_local_type(type);
	if (speaks_of_addresses(rules->head) && !is_local_type(type))
		return true;
	name = type_name_of(type);
	return rules->head->said[CLASS_FILE] && IS_NAMED(&name, "ecryptfs");
}

/* A parameter that no security module claims is answered with ENOPARAM. */
SEC("lsm/fs_context_parse_param")
long BPF_PROG(behalf_fs_context_parse_param, struct fs_context *context, void *parameter)
{
	struct act act = act_on_behalf(HOOK_FS_CONTEXT_PARSE_PARAM, RULE_BEHALF);
	struct file_system_type *type;
	struct rules rules;
	long err;

	if (!tag_of_current(&act.tag))
		return -ENOPARAM;
	type = context->fs_type;
	rules_of(&act.tag, &rules);
	if (!type || !is_doubtful_type(type, &rules))
		return -ENOPARAM;
	act_says_of(&act, "mount ", BPF_CORE_READ(type, name));
	err = hook_result(judge_act(&act));
	return err ?: -ENOPARAM;
}

/* --- helpers --------------------------------------------------------------------------------- */

SEC("lsm/kernel_module_request")
long BPF_PROG(behalf_kernel_module_request, char *name, int ret)
{
	struct act act = act_on_behalf(HOOK_KERNEL_MODULE_REQUEST, RULE_BEHALF);

	if (ret)
		return ret;
	if (!tag_of_current(&act.tag))
		return 0;
	act.decision.verdict = VERDICT_AUDIT;
	act_says_of(&act, "module ", name);
	return hook_result(judge_act(&act));
}

SEC("lsm/key_alloc")
long BPF_PROG(behalf_key_alloc, struct key *key, void *cred, unsigned long flags, int ret)
{
	struct act act = act_on_behalf(HOOK_KEY_ALLOC, RULE_BEHALF);
	union short_name type;

	if (ret)
		return ret;
	if (!tag_of_current(&act.tag))
		return 0;
	type = short_name_at(BPF_CORE_READ(key, type, name));
	if (IS_NAMED(&type, "keyring"))
		return 0;
	act.decision.verdict = VERDICT_AUDIT;
	act_says_of(&act, "key of type ", (const char *)type.text);
	return hook_result(judge_act(&act));
}
