/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "boot_grub.h"
#include "boot_state.h"

bool boot_list_has(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = list; (at = strstr(at, name)); at += length)
		if ((at == list || at[-1] == ',') && (!at[length] || at[length] == ','))
			return true;
	return false;
}

/* --- lines ------------------------------------------------------------------------------------ */

/* Where the comment on a line of shell begins, or the line ends. */
static const char *find_comment(const char *line)
{
	char quote = 0;
	const char *at;

	for (at = line; *at; at++) {
		if (quote ? *at == quote : *at == '"' || *at == '\'')
			quote = quote ? 0 : *at;
		else if (*at == '#' && !quote && (at == line || isspace((unsigned char)at[-1])))
			break;
	}
	return at;
}

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_.-", c));
}

bool boot_find_list(const char *line, char ret_list[BOOT_LIST_SIZE])
{
	const char *end = find_comment(line);
	bool found = false;

	for (const char *at = line; (at = strstr(at, "lsm=")) && at < end; at++) {
		size_t length = strcspn(at + 4, " \t\n\"'\\;");

		if (at != line && is_name(at[-1]))
			continue;
		snprintf(ret_list, BOOT_LIST_SIZE, "%.*s", (int)length, at + 4);
		found = true;
	}
	return found;
}

/* Hands every line of a file to @take, without its newline. Returns 0 or -errno. */
static int each_line(const char *root, const char *file,
		     void (*take)(void *ctx, const char *file, unsigned int line, const char *text),
		     void *ctx)
{
	char path[PATH_MAX], *text = NULL;
	unsigned int line = 0;
	size_t size = 0;
	FILE *in;

	snprintf(path, sizeof(path), "%s%s", root, file);
	in = fopen(path, "re");
	if (!in)
		return -errno;
	while (getline(&text, &size, in) >= 0) {
		text[strcspn(text, "\n")] = 0;
		take(ctx, file, ++line, text);
	}
	free(text);
	fclose(in);
	return 0;
}

static void each_line_of(const char *root, const char *pattern,
			 void (*take)(void *ctx, const char *file, unsigned int line, const char *text),
			 void *ctx)
{
	char path[PATH_MAX];
	glob_t found = {};

	snprintf(path, sizeof(path), "%s%s", root, pattern);
	glob(path, 0, NULL, &found);
	for (size_t i = 0; i < found.gl_pathc; i++)
		each_line(root, found.gl_pathv[i] + strlen(root), take, ctx);
	globfree(&found);
}

static bool is_there(const char *root, const char *pattern)
{
	char path[PATH_MAX];
	glob_t found = {};
	bool there;

	snprintf(path, sizeof(path), "%s%s", root, pattern);
	there = !glob(path, 0, NULL, &found);
	globfree(&found);
	return there;
}

/* --- what runs -------------------------------------------------------------------------------- */

static void take_running(void *ctx, const char *file, unsigned int line, const char *text)
{
	struct boot_state *state = ctx;

	(void)file;
	if (line == 1)
		snprintf(state->running, sizeof(state->running), "%s", text);
}

static void take_given(void *ctx, const char *file, unsigned int line, const char *text)
{
	struct boot_state *state = ctx;

	(void)file;
	(void)line;
	boot_find_list(text, state->given);
}

static void take_config(void *ctx, const char *file, unsigned int line, const char *text)
{
	struct boot_state *state = ctx;

	(void)file;
	if (line == 1)
		state->built_without = true;
	if (!strcmp(text, "CONFIG_BPF_LSM=y"))
		state->built_without = false;
}

static void look_at_kernel(const char *root, struct boot_state *state)
{
	char config[128];
	struct utsname name;

	uname(&name);
	state->error = each_line(root, BOOT_LSM_FILE, take_running, state);
	if (!state->error && !*state->running)
		state->error = -ENODATA;
	state->live = boot_list_has(state->running, "bpf");
	each_line(root, "/proc/cmdline", take_given, state);
	snprintf(config, sizeof(config), "/boot/config-%s", name.release);
	each_line(root, config, take_config, state);
	/* It was asked for, and is not there. */
	if (!state->error && boot_list_has(state->given, "bpf"))
		state->built_without = !state->live;
}

/* --- what the boot loader was told ------------------------------------------------------------ */

static void take_setting(void *ctx, const char *file, unsigned int line, const char *text)
{
	struct boot_state *state = ctx;
	struct boot_setting *setting = &state->settings[state->setting_count];
	char list[BOOT_LIST_SIZE];

	if (!boot_find_list(text, list))
		return;
	if (state->owner == BOOT_OURS && !strcmp(file, BOOT_GRUB_FILE)) {
		memcpy(state->ours, list, sizeof(list));
	} else if (state->setting_count < BOOT_SETTINGS_MAX) {
		snprintf(setting->file, sizeof(setting->file), "%s", file);
		setting->line = line;
		memcpy(setting->list, list, sizeof(list));
		state->setting_count++;
	}
}

static void take_script(void *ctx, const char *file, unsigned int line, const char *text)
{
	struct boot_state *state = ctx;

	(void)file;
	if (line == 1)
		state->reads_folder = false;
	if (strstr(text, "default/grub.d"))
		state->reads_folder = true;
}

/* Grub as its authors publish it reads no /etc/default/grub.d: Debian's does. */
static void look_at_script(const char *root, struct boot_state *state)
{
	static const char *const scripts[] = {
		"/usr/sbin/grub-mkconfig", "/usr/bin/grub-mkconfig", "/usr/sbin/grub2-mkconfig",
	};

	state->reads_folder = true;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++)
		if (!each_line(root, scripts[i], take_script, state))
			return;
}

static const char *const menus[] = { "/boot/grub/grub.cfg", "/boot/grub2/grub.cfg" };
static const char *const entries[] = {
	"/boot/loader/entries/*.conf", "/efi/loader/entries/*.conf", "/boot/efi/loader/entries/*.conf",
};

/* Grub's settings stay behind where a host has gone over to systemd-boot. */
static enum boot_loader find_loader(const char *root)
{
	bool grub = is_there(root, "/etc/default/grub");
	bool installed = is_there(root, "/etc/kernel/cmdline");

	if (grub && (is_there(root, menus[0]) || is_there(root, menus[1])))
		return BOOT_GRUB;
	for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++)
		installed |= is_there(root, entries[i]);
	return installed ? BOOT_KERNEL_INSTALL : grub ? BOOT_GRUB : BOOT_OTHER;
}

static void look_at_settings(const char *root, struct boot_state *state)
{
	state->owner = boot_grub_owner(root);
	state->loader = find_loader(root);
	look_at_script(root, state);
	if (state->loader == BOOT_GRUB) {
		each_line(root, "/etc/default/grub", take_setting, state);
		each_line_of(root, "/etc/default/grub.d/*.cfg", take_setting, state);
	} else if (state->loader == BOOT_KERNEL_INSTALL) {
		each_line(root, "/etc/kernel/cmdline", take_setting, state);
	}
}

/* --- what the next boot will have ------------------------------------------------------------- */

/* The entries of a boot menu, counted by what each gives bpf. */
struct menu {
	const char *keyword;		/* what a line with a kernel's command line begins with */
	enum boot_next by_default;	/* what a kernel has that is given no lsm= */
	char file[128];			/* the first entry: where, */
	unsigned int line;
	enum boot_next first;		/* and what it gives */
	char list[BOOT_LIST_SIZE];	/* "": no lsm= */
	unsigned int count, with;	/* all entries; those of them that give bpf */
};

static void take_entry(void *ctx, const char *file, unsigned int line, const char *text)
{
	struct menu *menu = ctx;
	char list[BOOT_LIST_SIZE] = "";
	enum boot_next next;

	text += strspn(text, " \t");
	/* "linux16" starts what is no Linux: memory tests. */
	if (strncmp(text, menu->keyword, strlen(menu->keyword)) ||
	    !isspace((unsigned char)text[strlen(menu->keyword)]))
		return;
	if (boot_find_list(text, list))
		next = boot_list_has(list, "bpf") ? BOOT_NEXT_YES : BOOT_NEXT_NO;
	else
		next = strstr(text, "$kernelopts") ? BOOT_NEXT_UNKNOWN : menu->by_default;
	if (!menu->count++) {
		snprintf(menu->file, sizeof(menu->file), "%s", file);
		menu->line = line;
		menu->first = next;
		memcpy(menu->list, list, sizeof(list));
	}
	menu->with += next == BOOT_NEXT_YES;
}

static void judge_menu(const struct menu *menu, struct boot_state *state)
{
	bool agree = menu->with == (menu->first == BOOT_NEXT_YES ? menu->count : 0);
	char others[96] = "";

	/* The first is what grub boots unless it was told otherwise; of loader entries that
	 * depends on their versions. */
	state->next = agree || state->loader == BOOT_GRUB ? menu->first : BOOT_NEXT_UNKNOWN;
	if (!agree)
		snprintf(others, sizeof(others), "; of %u entries of the boot menu, %u have bpf",
			 menu->count, menu->with);
	snprintf(state->why, sizeof(state->why), "%s:%u has %s%s%s", menu->file, menu->line,
		 *menu->list ? "lsm=" : "no lsm=", menu->list, others);
}

/* What a kernel like this one has by default, where that can be told: it was given nothing else. */
static enum boot_next default_of(const struct boot_state *state)
{
	if (*state->given || state->error)
		return BOOT_NEXT_UNKNOWN;
	return state->live ? BOOT_NEXT_YES : BOOT_NEXT_NO;
}

static void read_entries(const char *root, struct menu *menu)
{
	menu->keyword = "options";
	for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++)
		each_line_of(root, entries[i], take_entry, menu);
}

static void judge_grub(const char *root, struct boot_state *state)
{
	struct menu menu = { .keyword = "linux", .by_default = default_of(state) };
	int err = -ENOENT;

	for (size_t i = 0; i < sizeof(menus) / sizeof(*menus) && err == -ENOENT; i++)
		err = each_line(root, menus[i], take_entry, &menu);
	if (!menu.count)
		read_entries(root, &menu);	/* where grub.cfg says only "blscfg" */
	if (menu.count)
		judge_menu(&menu, state);
	else if (err)
		snprintf(state->why, sizeof(state->why), "cannot read the boot menu, %s: %s",
			 menus[0], strerror(-err));
	else
		snprintf(state->why, sizeof(state->why),
			 "grub's boot menu does not name the kernel's command line");
	/* What was generated stays as it is until the settings are read again. */
	if (menu.count && state->next != BOOT_NEXT_YES && boot_list_has(state->ours, "bpf"))
		snprintf(state->why + strlen(state->why), sizeof(state->why) - strlen(state->why),
			 ": it was generated without " BOOT_GRUB_FILE);
	else if (menu.count && state->owner != BOOT_OURS && !state->setting_count && *menu.list)
		snprintf(state->why + strlen(state->why), sizeof(state->why) - strlen(state->why),
			 ", but nothing under /etc/default sets it: gone with the next update-grub");
}

static void judge_entries(const char *root, struct boot_state *state)
{
	struct menu menu = { .by_default = default_of(state) };
	const struct boot_setting *setting = state->settings;	/* the one line of a file */

	read_entries(root, &menu);
	if (menu.count) {
		judge_menu(&menu, state);
	} else if (state->setting_count) {
		state->next = boot_list_has(setting->list, "bpf") ? BOOT_NEXT_YES :
			BOOT_NEXT_NO;
		snprintf(state->why, sizeof(state->why), "%.127s:%u has lsm=%.255s", setting->file,
			 setting->line, setting->list);
	} else {
		snprintf(state->why, sizeof(state->why), "/etc/kernel/cmdline has no lsm=");
		state->next = default_of(state);
	}
}

static void judge_next(const char *root, struct boot_state *state)
{
	state->next = BOOT_NEXT_UNKNOWN;
	switch (state->loader) {
	case BOOT_GRUB:
		judge_grub(root, state);
		break;
	case BOOT_KERNEL_INSTALL:
		judge_entries(root, state);
		break;
	default:
		state->next = default_of(state);
		if (state->error)
			snprintf(state->why, sizeof(state->why), "the active LSMs are not known");
		else if (*state->given)
			snprintf(state->why, sizeof(state->why),
				 "this kernel was given lsm=%s, by a boot loader whose settings are not known",
				 state->given);
		else
			snprintf(state->why, sizeof(state->why),
				 "this kernel was given no lsm=, so it is the list that it has by itself");
	}
}

void boot_look(const char *root, struct boot_state *ret_state)
{
	*ret_state = (struct boot_state){};
	look_at_kernel(root, ret_state);
	look_at_settings(root, ret_state);
	judge_next(root, ret_state);
}
