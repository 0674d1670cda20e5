// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Which programs a tagged task may execute.
 *
 *	bprm_check_security	execve(2) and execveat(2); for a script twice: the script itself,
 *				then the interpreter that its first line names
 *	mmap_file, file_mprotect  code that is mapped past execve(2): `ld.so PROGRAM`, libraries. Rules
 *				speak of it, the default does not: a list of what may run need not list
 *				libraries
 *
 * Threat: another name for the same program (path.bpf.h), and a script that reaches a denied
 * interpreter: both are judged, and the record of an interpreter names its script. `sh SCRIPT` and a
 * copy begin with reading the file: file_open (file.bpf.c).
 */
#include "waived.bpf.h"

SEC("lsm/bprm_check_security")
long BPF_PROG(exec_bprm_check_security, struct linux_binprm *bprm, int ret)
{
	struct path_question question = {
		.hook = HOOK_BPRM_CHECK_SECURITY,
		.object = CLASS_EXEC,
		.access = ACCESS_READ,
	};
	long err;

	if (ret)
		return ret;
	question.place = place_of_file(bprm->file);
	if (!tag_of_current(&question.tag)) {
		if (bprm->interp == bprm->filename)
			note_waivers_of_entry(&question.place);
		return 0;
	}
	if (bprm->interp != bprm->filename)
		question.text = (__u64)bprm->filename;
	err = judge_path(&question);
	if (!err && bprm->interp == bprm->filename)	/* not an interpreter's turn */
		note_waivers(&question.tag, &question.place);
	return hook_result(err);
}

static __noinline long judge_code(const struct tag *tag, enum hook hook, const struct place *place)
{
	struct path_question question = {
		.tag = *tag,
		.place = *place,
		.hook = hook,
		.object = CLASS_EXEC,
		.access = ACCESS_READ,
		.rules_only = true,
		.tell = TELL_ONCE,	/* the kernel maps a program that it executes, too */
	};

	return judge_path(&question);
}

/* A mapping reads and writes the file without a further call: of a descriptor that the task did not
 * open under the ruleset in force, this is the use. */
static __noinline long judge_mapping(const struct tag *tag, const struct place *place,
					  unsigned long prot, unsigned long flags)
{
	struct path_question question = {
		.tag = *tag,
		.place = *place,
		.hook = HOOK_MMAP_FILE,
		.object = CLASS_FILE,
		.access = ACCESS_READ,
		.rules_only = true,
		.tell = TELL_ONCE,
		.also = CLASS_BIT(CLASS_EXEC),
	};

	if (prot & PROT_WRITE && flags & MAP_SHARED)
		question.access |= ACCESS_WRITE;
	return judge_path(&question);
}

SEC("lsm/mmap_file")
long BPF_PROG(exec_mmap_file, struct file *file, unsigned long reqprot, unsigned long prot,
	     unsigned long flags, int ret)
{
	struct place place;
	struct tag tag;

	if (ret)
		return ret;
	if (!file || !tag_of_current(&tag))
		return 0;
	place = place_of_file(file);
	if (!place.dentry)
		return 0;		/* no file, to kernels that call a missing one a file */
	if (is_from_before(&tag))
		return hook_result(judge_mapping(&tag, &place, prot, flags));
	return prot & PROT_EXEC ? hook_result(judge_code(&tag, HOOK_MMAP_FILE, &place)) : 0;
}

SEC("lsm/file_mprotect")
long BPF_PROG(exec_file_mprotect, struct vm_area_struct *vma, unsigned long reqprot,
	     unsigned long prot, int ret)
{
	struct place place;
	struct file *file;
	struct tag tag;

	if (ret)
		return ret;
	if (!(prot & PROT_EXEC) || !tag_of_current(&tag))
		return 0;
	file = vma->vm_file;
	if (!file)
		return 0;
	place = place_of_file(file);
	return hook_result(judge_code(&tag, HOOK_FILE_MPROTECT, &place));
}
