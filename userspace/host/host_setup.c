/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <glob.h>
#include <grp.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "../../policy/compile.h"
#include "../base/execute.h"
#include "../base/locations.h"
#include "../base/text.h"
#include "../base/version.h"
#include "boot_plan.h"
#include "host_setup.h"

#define LOG_FREE_MIN (100LL << 20)	/* bytes; a busy deploy writes some MiB */

struct setup {
	const char *root;
	uid_t owner;
	bool resident;			/* the service is enabled */
};

/* What a missing piece is: nothing to a host that has fences for single runs only. */
static enum severity missing(const struct setup *setup)
{
	return setup->resident ? SEVERITY_WARN : SEVERITY_NOTE;
}

/* File names and policies can hold anything; a terminal and JSON are to show it. */
static void show(char *ret_text, size_t size, const char *fmt, va_list args)
{
	char bytes[1024];

	vsnprintf(bytes, sizeof(bytes), fmt, args);
	text_show(bytes, ret_text, size);
}

__attribute__((format(printf, 2, 3)))
static void see(struct finding *finding, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	show(finding->text, sizeof(finding->text), fmt, args);
	va_end(args);
}

/* What was seen is not as it should be; the rest says what to do. */
__attribute__((format(printf, 3, 4)))
static void advise(struct finding *finding, enum severity severity, const char *fmt, ...)
{
	va_list args;

	finding->ok = false;
	finding->severity = severity;
	va_start(args, fmt);
	show(finding->remedy, sizeof(finding->remedy), fmt, args);
	va_end(args);
}

static int stat_under(const struct setup *setup, const char *path, struct stat *ret_st)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", setup->root, path);
	return stat(full, ret_st) ? -errno : 0;
}

/* --- unit ------------------------------------------------------------------------------------- */

/* The first of them that has a unit is the one that systemd takes. */
static const char *const unit_folders[] = {
	"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
	"/usr/lib/systemd/system", "/lib/systemd/system",
};

#define UNIT_FOLDERS (sizeof(unit_folders) / sizeof(*unit_folders))

static bool find_unit(const struct setup *setup, char *ret_file, size_t size)
{
	struct stat st;

	for (size_t i = 0; i < UNIT_FOLDERS; i++) {
		char full[PATH_MAX];

		snprintf(ret_file, size, "%s/" SETUP_UNIT, unit_folders[i]);
		snprintf(full, sizeof(full), "%s%s", setup->root, ret_file);
		if (!lstat(full, &st))
			return true;
	}
	return false;
}

static bool unit_masked(const struct setup *setup, const char *file)
{
	char full[PATH_MAX], target[PATH_MAX];
	ssize_t length;

	snprintf(full, sizeof(full), "%s%s", setup->root, file);
	length = readlink(full, target, sizeof(target));
	return length == 9 && !memcmp(target, "/dev/null", 9);
}

/* As systemctl enable leaves it: a link in the folder of what wants or requires it. */
static bool unit_enabled(const struct setup *setup)
{
	bool enabled = false;

	for (size_t i = 0; i < UNIT_FOLDERS && !enabled; i++) {
		char pattern[PATH_MAX];
		glob_t found = {};

		snprintf(pattern, sizeof(pattern), "%s%s/*.{wants,requires}/" SETUP_UNIT, setup->root,
			 unit_folders[i]);
		enabled = !glob(pattern, GLOB_BRACE, NULL, &found);
		globfree(&found);
	}
	return enabled;
}

/* Only where systemd is at work there is somebody to ask. */
static bool unit_inactive(const struct setup *setup)
{
	char *argv[] = { "/usr/bin/systemctl", "is-active", "--quiet", SETUP_UNIT, NULL };

	return !*setup->root && !access("/run/systemd/system", F_OK) && execute(argv) > 0;
}

static void examine_unit(struct setup *setup, struct finding *finding)
{
	char file[PATH_MAX];
	bool there = find_unit(setup, file, sizeof(file));
	bool masked = there && unit_masked(setup, file);

	setup->resident = there && !masked && unit_enabled(setup);
	if (!there) {
		see(finding, SETUP_UNIT " is not installed: after a boot there is no fence until somebody loads it");
		advise(finding, SEVERITY_NOTE, "run ringfence load and ringfence daemon at boot, where deploys run every day");
	} else if (masked) {
		see(finding, "%s is masked: it cannot be started", file);
		advise(finding, SEVERITY_NOTE, "systemctl unmask " SETUP_UNIT ", unless it is meant so");
	} else if (!setup->resident) {
		see(finding, "%s is installed and not enabled", file);
		advise(finding, SEVERITY_NOTE, "systemctl enable --now " SETUP_UNIT);
	} else if (unit_inactive(setup)) {
		see(finding, "%s is enabled and not active", file);
		advise(finding, SEVERITY_WARN, "systemctl start " SETUP_UNIT "; systemctl status " SETUP_UNIT " says why it ended");
	} else {
		see(finding, "%s is enabled", file);
	}
}

/* --- boot ------------------------------------------------------------------------------------- */

static void examine_boot(struct setup *setup, struct finding *finding)
{
	char remedy[BOOT_REMEDY_SIZE];
	struct boot_state state;

	boot_look(setup->root, &state);
	see(finding, "the next boot %s: %s", state.next == BOOT_NEXT_YES ? "has bpf" :
	    state.next == BOOT_NEXT_NO ? "has no bpf" : "cannot be told", state.why);
	if (state.next == BOOT_NEXT_UNKNOWN && state.live)
		advise(finding, SEVERITY_NOTE, "after the boot, look whether bpf is still in " BOOT_LSM_FILE);
	else if (boot_remedy(&state, remedy) && state.next != BOOT_NEXT_YES)
		advise(finding, missing(setup), "%s", remedy);
}

/* --- policies --------------------------------------------------------------------------------- */

/* Who may write a policy decides what is denied. Returns whether only the owner may. */
static bool only_owner(const struct setup *setup, const char *path, struct finding *finding)
{
	struct stat st;
	int err = stat_under(setup, path, &st);

	if (err) {
		see(finding, "%s: %s", path, strerror(-err));
		advise(finding, SEVERITY_FAIL, "remove it, or make it readable");
	} else if (st.st_uid != setup->owner) {
		see(finding, "%s belongs to user %u, who can change what is denied", path, st.st_uid);
		advise(finding, SEVERITY_FAIL, "chown root %s", path);
	} else if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		see(finding, "%s has mode %04o: others than root can change what is denied", path,
		    st.st_mode & 07777);
		advise(finding, SEVERITY_FAIL, "chmod go-w %s", path);
	}
	return finding->ok;
}

/* Compiles it as load would. @ret_tag: the tag it is for. */
static bool sound(const char *path, char ret_tag[TAG_NAME_MAX], struct finding *finding)
{
	struct policy *policy = NULL;
	struct ruleset *image = NULL;
	struct diags diags = {};
	char fault[1024];
	int err = policy_read(path, path_services, &diags, &policy) ?:
		policy_compile(policy, &path_resolver_system, 1, &diags, &image);

	if (err) {
		see(finding, "%s: %s", path, strerror(-err));
		advise(finding, SEVERITY_FAIL, "ringfence check %s", path);
	}
	if (err && diags.errors) {
		diags_first(&diags, fault, sizeof(fault));
		see(finding, "%s", fault);
	}
	if (!err)
		snprintf(ret_tag, TAG_NAME_MAX, "%s", image->tag);
	free(image);
	policy_free(policy);
	diags_free(&diags);
	return !err;
}

/* One policy per tag, or load takes none of them. */
static bool only_of_tag(char **paths, char (*tags)[TAG_NAME_MAX], size_t i, struct finding *finding)
{
	for (size_t j = 0; j < i; j++) {
		if (strcmp(tags[i], tags[j]))
			continue;
		see(finding, "%s and %s are both for tag %s", paths[j], paths[i], tags[i]);
		advise(finding, SEVERITY_FAIL, "keep one policy per tag");
	}
	return finding->ok;
}

/* Copies the first fault to @finding. Returns how many files are at fault. */
static size_t count_faulty(const struct setup *setup, const glob_t *found, struct finding *finding)
{
	char (*tags)[TAG_NAME_MAX] = calloc(found->gl_pathc + 1, sizeof(*tags));
	size_t faulty = 0;

	for (size_t i = 0; tags && i < found->gl_pathc; i++) {
		struct finding fault = { .topic = finding->topic, .ok = true };
		const char *path = found->gl_pathv[i];

		if (only_owner(setup, path + strlen(setup->root), &fault) &&
		    sound(path, tags[i], &fault) && only_of_tag(found->gl_pathv, tags, i, &fault))
			continue;
		if (!faulty++)
			*finding = fault;
		snprintf(tags[i], sizeof(tags[i]), "/%zu", i);	/* no tag, and like no other */
	}
	free(tags);
	return faulty;
}

static void examine_files(const struct setup *setup, struct finding *finding)
{
	char pattern[PATH_MAX];
	glob_t found = {};
	size_t faulty, length;

	snprintf(pattern, sizeof(pattern), "%s" PATH_POLICIES "/*.yaml", setup->root);
	glob(pattern, 0, NULL, &found);
	faulty = count_faulty(setup, &found, finding);
	length = strlen(finding->text);
	if (faulty > 1)
		snprintf(finding->text + length, sizeof(finding->text) - length,
			 " (the first of %zu faulty ones)", faulty);
	else if (!faulty)
		see(finding, "%zu in " PATH_POLICIES, found.gl_pathc);
	if (!found.gl_pathc)
		advise(finding, missing(setup), "put policies there, for what is to be fenced on this host");
	globfree(&found);
}

static void examine_policies(struct setup *setup, struct finding *finding)
{
	struct stat st;

	if (stat_under(setup, PATH_POLICIES, &st) == -ENOENT) {
		see(finding, "there is no " PATH_POLICIES);
		advise(finding, missing(setup), "mkdir -p " PATH_POLICIES ", for the policies of this host");
	} else if (only_owner(setup, "/etc/ringfence", finding) &&
		   only_owner(setup, PATH_POLICIES, finding)) {
		examine_files(setup, finding);
	}
}

/* --- log -------------------------------------------------------------------------------------- */

/* Without asking the name service, which may be what a deploy is to do without. */
static bool is_adm(const struct setup *setup, gid_t gid)
{
	struct group *group;
	char path[PATH_MAX];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "%s/etc/group", setup->root);
	file = fopen(path, "re");
	while (file && !found && (group = fgetgrent(file)))
		found = group->gr_gid == gid && !strcmp(group->gr_name, "adm");
	if (file)
		fclose(file);
	return found;
}

/* The log shows command lines and paths: to root, and to those who read logs. */
static void examine_mode(const struct setup *setup, const struct stat *st, struct finding *finding)
{
	if (st->st_uid != setup->owner || st->st_mode & (S_IWGRP | S_IWOTH)) {
		see(finding, PATH_LOGS " (user %u, mode %04o): others than root can change the audit log",
		    st->st_uid, st->st_mode & 07777);
		advise(finding, SEVERITY_WARN, "chown root " PATH_LOGS "; chmod 0750 " PATH_LOGS);
	} else if (st->st_mode & S_IRWXO) {
		see(finding, PATH_LOGS " has mode %04o: everyone can look into it",
		    st->st_mode & 07777);
		advise(finding, missing(setup), "chmod 0750 " PATH_LOGS);
	} else if (st->st_mode & S_IRWXG && st->st_gid && !is_adm(setup, st->st_gid)) {
		see(finding, PATH_LOGS ": group %u can look into it, which is neither root nor adm",
		    st->st_gid);
		advise(finding, missing(setup), "chgrp adm " PATH_LOGS);
	}
}

static void examine_space(const struct setup *setup, const char *folder, struct finding *finding)
{
	char full[PATH_MAX];
	struct statvfs fs;
	long long free;

	snprintf(full, sizeof(full), "%s%s", setup->root, folder);
	if (statvfs(full, &fs) || !fs.f_blocks)
		return;			/* not limited by a size, or not told */
	free = (long long)fs.f_bavail * fs.f_frsize;
	if (!finding->ok || free >= LOG_FREE_MIN)
		return;
	see(finding, "%s has %lld MiB left: records that cannot be written are lost", folder, free >> 20);
	advise(finding, missing(setup), "make room, or keep less of the log: ringfence daemon --log-size, --log-keep");
}

static void examine_log(struct setup *setup, struct finding *finding)
{
	const char *folder = PATH_LOGS;
	struct stat st;
	int err = stat_under(setup, folder, &st);

	see(finding, PATH_LOGS);
	if (err == -ENOENT) {
		folder = "/var/log";
		err = stat_under(setup, folder, &st);
		see(finding, PATH_LOGS " is not there yet; the first run or the daemon makes it");
	} else if (!err) {
		examine_mode(setup, &st, finding);
	}
	if (!err && !S_ISDIR(st.st_mode))
		err = -ENOTDIR;
	if (err) {
		see(finding, "%s: %s", folder, strerror(-err));
		advise(finding, missing(setup), "make it a folder that root can write to");
		return;
	}
	examine_space(setup, folder, finding);
}

/* --- clock ------------------------------------------------------------------------------------ */

static void examine_clock(struct setup *setup, struct finding *finding)
{
	time_t now = time(NULL);
	struct timex clock = {};
	char text[32] = "";
	struct tm tm;
	int state = adjtimex(&clock);

	strftime(text, sizeof(text), "%FT%TZ", gmtime_r(&now, &tm));
	if (now < RINGFENCE_MADE) {
		see(finding, "it says %s, when there was no ringfence " RINGFENCE_VERSION " yet: so would the audit log",
		    text);
		advise(finding, SEVERITY_WARN, "set it: timedatectl set-time, or date --set");
	} else if (state < 0) {
		see(finding, "%s; whether it is synchronised is not told here: %s", text, strerror(errno));
	} else if (state == TIME_ERROR || clock.status & STA_UNSYNC) {
		see(finding, "%s, not synchronised: the audit log of this host cannot be lined up with others",
		    text);
		advise(finding, missing(setup), "timedatectl set-ntp true, or run another NTP client");
	} else {
		see(finding, "%s, synchronised", text);
	}
}

void setup_examine(const char *root, uid_t owner, struct finding ret_list[SETUP_FINDINGS])
{
	/* The unit first: it tells what the others matter. */
	static const struct {
		const char *topic;
		void (*examine)(struct setup *setup, struct finding *finding);
	} topics[SETUP_FINDINGS] = {
		{ "unit", examine_unit },
		{ "boot", examine_boot },
		{ "policies", examine_policies },
		{ "log", examine_log },
		{ "clock", examine_clock },
	};
	struct setup setup = { .root = root, .owner = owner };

	for (size_t i = 0; i < SETUP_FINDINGS; i++) {
		ret_list[i] = (struct finding){ .topic = topics[i].topic, .ok = true };
		topics[i].examine(&setup, &ret_list[i]);
	}
}
