/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "boot_plan.h"

#define RENEW "update-grub, and reboot"

/* What comes after a change to /etc/kernel/cmdline. */
#define RENEW_ENTRIES \
	"kernel-install add \"$(uname -r)\" \"/boot/vmlinuz-$(uname -r)\", and reboot"

void boot_wanted(const struct boot_state *state, char ret_list[BOOT_LIST_SIZE])
{
	snprintf(ret_list, BOOT_LIST_SIZE, "%.*s%s", BOOT_LIST_SIZE - 5, state->running,
		 state->live ? "" : ",bpf");
}

__attribute__((format(printf, 2, 3)))
static struct boot_reason *refuse(struct boot_plan *plan, const char *fmt, ...)
{
	struct boot_reason *reason = &plan->reasons[plan->reason_count++];
	va_list args;

	plan->action = BOOT_REFUSE;
	va_start(args, fmt);
	vsnprintf(reason->text, sizeof(reason->text), fmt, args);
	va_end(args);
	return reason;
}

__attribute__((format(printf, 2, 3)))
static void advise(struct boot_reason *reason, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(reason->remedy, sizeof(reason->remedy), fmt, args);
	va_end(args);
}

/* The list goes into a script: no more than the names of LSMs and commas. */
static bool is_plain(const char *list)
{
	for (; *list; list++)
		if (!isalnum((unsigned char)*list) && !strchr("_-,", *list))
			return false;
	return true;
}

static void refuse_unknown_list(const struct boot_state *state, struct boot_plan *plan)
{
	if (state->error)
		advise(refuse(plan, "cannot read " BOOT_LSM_FILE ": %s", strerror(-state->error)),
		       "mount -t securityfs securityfs /sys/kernel/security");
	else if (!is_plain(state->running))
		advise(refuse(plan, BOOT_LSM_FILE " has an unexpected list: %s", state->running),
		       "append bpf to it by hand; see \"At boot\" in README.md");
}

/* An lsm= of ours would replace theirs, or the other way about. */
static void refuse_settings(const struct boot_state *state, struct boot_plan *plan)
{
	for (size_t i = 0; i < state->setting_count; i++) {
		const struct boot_setting *setting = &state->settings[i];

		if (boot_list_has(setting->list, "bpf"))
			continue;
		advise(refuse(plan, "%s:%u: lsm=%s is set here already, and a second lsm= would replace it",
			      setting->file, setting->line, setting->list),
		       "make it lsm=%s,bpf there; then %s", setting->list,
		       state->loader == BOOT_GRUB ? RENEW : RENEW_ENTRIES);
	}
}

/* Nobody but the one who runs it can change the settings of such a loader. */
static void refuse_loader(const struct boot_state *state, struct boot_plan *plan)
{
	char list[BOOT_LIST_SIZE], change[2 * BOOT_LIST_SIZE + 32];

	boot_wanted(state, list);
	snprintf(change, sizeof(change), "append lsm=%s", list);
	if (*state->given)
		snprintf(change, sizeof(change), "make lsm=%s lsm=%s,bpf", state->given, state->given);
	if (state->loader == BOOT_KERNEL_INSTALL)
		advise(refuse(plan, "this host boots by systemd-boot, not by grub"),
		       "%s in the one line of /etc/kernel/cmdline; then %s", change, RENEW_ENTRIES);
	else
		advise(refuse(plan, "this host does not boot by grub: there is no /etc/default/grub"),
		       "%s where your boot loader keeps the kernel's command line, and reboot; see \"At boot\" in README.md",
		       change);
}

static void refuse_grub(const struct boot_state *state, struct boot_plan *plan)
{
	char list[BOOT_LIST_SIZE];

	boot_wanted(state, list);
	if (!state->reads_folder)
		advise(refuse(plan, "this host's grub-mkconfig does not read /etc/default/grub.d"),
		       "grubby --update-kernel=ALL --args=lsm=%s where there is grubby; else append it to GRUB_CMDLINE_LINUX in /etc/default/grub, run grub-mkconfig -o /boot/grub/grub.cfg, and reboot",
		       list);
	/* By no file that grub-mkconfig reads: a menu entry of somebody's own, grubenv, a network boot. */
	if (*state->given && !boot_list_has(state->given, "bpf") && strcmp(state->given, state->ours))
		advise(refuse(plan, "/proc/cmdline:1: this kernel was given lsm=%s, which is not from /etc/default",
			      state->given),
		       "find it (grep -rn lsm= /boot/grub /etc/grub.d) and make it lsm=%s,bpf; if it was typed at the boot menu, boot without it first",
		       state->given);
}

static void refuse_kernel(struct boot_plan *plan)
{
	advise(refuse(plan, "this kernel is built without CONFIG_BPF_LSM: it has no bpf to be listed"),
	       "boot one that has it (distribution kernels from 6.1 on do)");
}

static void refuse_file(struct boot_plan *plan)
{
	advise(refuse(plan, BOOT_GRUB_FILE ":1: this file was not written by ringfence"),
	       "look what it is for, and move it away: mv " BOOT_GRUB_FILE " /root/");
}

static bool told_elsewhere(const struct boot_state *state, struct boot_plan *plan)
{
	const struct boot_setting *last;

	if (!state->setting_count)
		return false;
	last = &state->settings[state->setting_count - 1];
	snprintf(plan->text, sizeof(plan->text), "%s:%u sets lsm=%s already: what is left is %s",
		 last->file, last->line, last->list,
		 state->loader == BOOT_GRUB ? RENEW : RENEW_ENTRIES);
	return true;
}

void boot_plan_enable(const struct boot_state *state, struct boot_plan *ret_plan)
{
	char list[BOOT_LIST_SIZE];

	*ret_plan = (struct boot_plan){};
	if (state->live && state->next != BOOT_NEXT_NO) {
		snprintf(ret_plan->text, sizeof(ret_plan->text),
			 "nothing to do: bpf is in the list of active LSMs (%s)", state->running);
		return;
	}
	refuse_unknown_list(state, ret_plan);
	if (ret_plan->reason_count)
		return;
	if (state->built_without)
		refuse_kernel(ret_plan);
	refuse_settings(state, ret_plan);
	if (ret_plan->reason_count || told_elsewhere(state, ret_plan))
		return;
	if (state->loader != BOOT_GRUB) {
		refuse_loader(state, ret_plan);
		return;
	}
	refuse_grub(state, ret_plan);
	if (state->owner == BOOT_SOMEBODY_ELSE)
		refuse_file(ret_plan);
	if (ret_plan->reason_count)
		return;
	boot_wanted(state, list);
	boot_grub_text(list, ret_plan->after);
	ret_plan->action = BOOT_WRITE;
}

bool boot_remedy(const struct boot_state *state, char ret_text[BOOT_REMEDY_SIZE])
{
	struct boot_plan plan;
	const char *text;

	if (state->live && state->next != BOOT_NEXT_NO)
		return false;
	boot_plan_enable(state, &plan);
	if (!state->live && !state->error && state->next == BOOT_NEXT_YES)
		text = "reboot";
	else if (plan.action == BOOT_REFUSE)
		text = plan.reasons[0].remedy;
	else
		text = plan.action == BOOT_WRITE ? "ringfence boot enable --write, and reboot" : plan.text;
	snprintf(ret_text, BOOT_REMEDY_SIZE, "%s", text);
	return true;
}

void boot_plan_disable(const struct boot_state *state, struct boot_plan *ret_plan)
{
	*ret_plan = (struct boot_plan){};
	if (state->owner == BOOT_NOBODY)
		snprintf(ret_plan->text, sizeof(ret_plan->text),
			 "nothing to do: there is no " BOOT_GRUB_FILE);
	else if (state->owner == BOOT_SOMEBODY_ELSE)
		refuse_file(ret_plan);
	else
		ret_plan->action = BOOT_WRITE;
}
