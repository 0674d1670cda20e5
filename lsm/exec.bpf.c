// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Which programs a tagged task may execute.
 *
 *	bprm_check_security	execve(2) and execveat(2); for a script twice: the script itself,
 *				then the interpreter that its first line names
 *
 * Threat: another name for the same program (path.bpf.h), and a script that reaches a denied
 * interpreter: both are judged, and the record of an interpreter names its script.
 */
#include "path.bpf.h"

SEC("lsm/bprm_check_security")
long BPF_PROG(exec_bprm_check_security, struct linux_binprm *bprm, int ret)
{
	struct path_question question = { .hook = HOOK_BPRM_CHECK, .object = CLASS_EXEC };
	struct tag *tag;

	if (ret)
		return ret;
	tag = tag_of_current();
	if (!tag)
		return 0;
	question.access = ACCESS_READ;
	if (bprm->interp != bprm->filename)
		question.script = bprm->filename;
	return judge_file(tag, bprm->file, &question);
}
