/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../policy/image.h"
#include "../audit/services.h"
#include "../base/version.h"
#include "../fence/hooks.h"
#include "metrics.h"

#define OTHERS "(others)"
#define SERIES_ROOM (METRICS_SERIES_MAX + HOOK_COUNT * VERDICTS)	/* with those of OTHERS */

/* What is told apart of verdicts. */
enum told_verdict {
	TOLD_ALLOW,
	TOLD_AUDIT,
	TOLD_WOULD_DENY,
	TOLD_DENY,
	VERDICTS,
};

static const char *const verdict_words[VERDICTS] = { "allow", "audit", "would_deny", "deny" };

struct series {
	uint8_t hook, verdict;
	char policy[TAG_NAME_MAX];
	char service[SERVICE_NAME_SIZE];
	uint64_t count;
};

struct metrics {
	struct series series[SERIES_ROOM];
	size_t count;
	struct series *last;		/* the one that was counted: records come in rows */
	uint64_t released, refused;
	char *written;			/* the text of the file, or NULL */
	size_t written_size;
};

struct metrics *metrics_new(void)
{
	return calloc(1, sizeof(struct metrics));
}

void metrics_free(struct metrics *metrics)
{
	if (metrics)
		free(metrics->written);
	free(metrics);
}

/* --- counting ------------------------------------------------------------------------------- */

static enum told_verdict verdict_of(const struct record *record)
{
	if (record->verdict == VERDICT_DENY)
		return record->flags & RECORD_ENFORCED ? TOLD_DENY : TOLD_WOULD_DENY;
	return record->verdict == VERDICT_AUDIT ? TOLD_AUDIT : TOLD_ALLOW;
}

static bool is_of(const struct series *series, const struct record *record, const char *policy,
		  const char *service)
{
	return series->hook == record->hook && series->verdict == verdict_of(record) &&
	       !strncmp(series->policy, policy, sizeof(series->policy) - 1) &&
	       !strncmp(series->service, service, sizeof(series->service) - 1);
}

/* The series, made where there is none and room is left. */
static struct series *find(struct metrics *metrics, const struct record *record, const char *policy,
			   const char *service)
{
	size_t room = strcmp(policy, OTHERS) ? METRICS_SERIES_MAX : SERIES_ROOM;
	struct series *series;

	if (metrics->last && is_of(metrics->last, record, policy, service))
		return metrics->last;
	for (size_t i = 0; i < metrics->count; i++)
		if (is_of(&metrics->series[i], record, policy, service))
			return &metrics->series[i];
	if (metrics->count >= room)
		return NULL;
	series = &metrics->series[metrics->count++];
	series->hook = record->hook;
	series->verdict = verdict_of(record);
	snprintf(series->policy, sizeof(series->policy), "%s", policy);
	snprintf(series->service, sizeof(series->service), "%s", service);
	return series;
}

void metrics_count(void *ctx, const struct record *record, const struct ruleset *ruleset)
{
	const struct rule *rule = ruleset ? image_rule(ruleset, record->rule) : NULL;
	const char *service = rule ? image_string(ruleset, rule->service) : "(none)";
	struct metrics *metrics = ctx;
	struct series *series;

	metrics->released += record->rule == RULE_RELEASE;
	metrics->refused += record->rule == RULE_REFUSED;
	/* Where nothing was judged there is no hook. */
	if (record->rule <= RULE_LIVENESS && record->rule >= RULE_SPECIAL)
		return;
	series = find(metrics, record, ruleset ? ruleset->tag : "(unknown)", service) ?:
		find(metrics, record, OTHERS, OTHERS);
	if (!series)
		return;
	series->count++;
	metrics->last = series;
}

/* --- the text ------------------------------------------------------------------------------- */

/* A metric's head, as the exposition format wants it before the first of its samples. */
static void begin(struct text *out, const char *name, const char *type, const char *help)
{
	text_append_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void counter(struct text *out, const char *name, const char *help, uint64_t value)
{
	begin(out, name, "counter", help);
	text_append_format(out, "%s %" PRIu64 "\n", name, value);
}

static void gauge(struct text *out, const char *name, const char *help, uint64_t value)
{
	begin(out, name, "gauge", help);
	text_append_format(out, "%s %" PRIu64 "\n", name, value);
}

/* label="value", the value as it is to be read back. */
static void label(struct text *out, const char *before, const char *name, const char *value)
{
	text_append_format(out, "%s%s=\"", before, name);
	for (; *value; value++)
		if (*value == '\n')
			text_append_string(out, "\\n");
		else
			text_append_format(out, "%s%c", strchr("\\\"", *value) ? "\\" : "", *value);
	text_append_string(out, "\"");
}

static void events(const struct metrics *metrics, struct text *out)
{
	static const char name[] = "ringfence_events_total";

	begin(out, name, "counter", "Decisions that were written to the audit log; would_deny: what "
	      "audit mode let pass.");
	for (size_t i = 0; i < metrics->count; i++) {
		const struct series *series = &metrics->series[i];

		text_append_string(out, name);
		label(out, "{", "hook", hook_name(series->hook));
		label(out, ",", "verdict", verdict_words[series->verdict]);
		label(out, ",", "policy", series->policy);
		label(out, ",", "service", series->service);
		text_append_format(out, "} %" PRIu64 "\n", series->count);
	}
}

static void policies(const struct metrics_state *state, struct text *out)
{
	static const char enforcing[] = "ringfence_policy_enforcing", generation[] = "ringfence_policy_generation";

	begin(out, enforcing, "gauge", "Whether the policy in force denies: 1, or 0 in audit mode.");
	for (size_t i = 0; i < state->policy_count; i++) {
		text_append_string(out, enforcing);
		label(out, "{", "policy", state->policies[i].tag);
		text_append_format(out, "} %d\n", state->policies[i].enforce);
	}
	begin(out, generation, "gauge", "Generation of the ruleset in force; rises with every apply.");
	for (size_t i = 0; i < state->policy_count; i++) {
		text_append_string(out, generation);
		label(out, "{", "policy", state->policies[i].tag);
		text_append_format(out, "} %" PRIu64 "\n", state->policies[i].generation);
	}
}

static void log_metrics(const struct metrics_state *state, struct text *out)
{
	gauge(out, "ringfence_log_failing", "Whether the audit log takes no lines at present.", state->log_failing);
	counter(out, "ringfence_log_failures_total", "How often the audit log began to take no lines.",
		state->log_failures);
	counter(out, "ringfence_log_rotations_total", "Rotations of the audit log.", state->log_rotations);
	gauge(out, "ringfence_log_size_bytes", "Size of the file that the audit log is written to.",
	      state->log_size);
}

static void losses(const struct metrics_state *state, struct text *out)
{
	counter(out, "ringfence_lost_events_total", "Decisions that found no room on their way to the audit log, "
		"since the fence was loaded.", state->losses.decisions);
	counter(out, "ringfence_lost_process_events_total", "Forks, execs and exits likewise: records lack their "
		"arguments or ancestors.", state->losses.lineage);
	counter(out, "ringfence_unrecorded_denials_total", "Accesses that were denied because no record of them "
		"found room, since the fence was loaded.", state->losses.unrecorded);
	counter(out, "ringfence_missed_entries_total", "Processes and control groups that should have begun a run "
		"and did not, since the fence was loaded.", state->losses.entries);
}

static void fence(const struct metrics_state *state, struct text *out)
{
	static const char probe[] = "ringfence_last_probe_timestamp_seconds";
	bool enforcing = false;

	for (size_t i = 0; i < state->policy_count; i++)
		enforcing |= state->policies[i].enforce;
	begin(out, "ringfence_build_info", "gauge", "The daemon that writes this.");
	text_append_format(out, "ringfence_build_info{version=\"" RINGFENCE_VERSION "\",abi=\"%d\"} 1\n", ABI_VERSION);
	gauge(out, "ringfence_holds", "Whether the fence holds.", state->holds);
	gauge(out, "ringfence_enforcing", "Whether the fence holds and a policy in force denies.",
	      state->holds && enforcing);
	begin(out, probe, "gauge", "When a probe was last walked into every hook; 0: never.");
	text_append_format(out, "%s %.3f\n", probe, state->probed);
	gauge(out, "ringfence_hooks_live", "Hooks that have a program.", state->hooks_live);
	gauge(out, "ringfence_hooks_missing", "Hooks that this kernel lacks.", state->hooks_missing);
	gauge(out, "ringfence_open_runs", "Runs that have an account.", state->runs);
}

void metrics_text(const struct metrics *metrics, const struct metrics_state *state, struct text *out)
{
	fence(state, out);
	policies(state, out);
	events(metrics, out);
	losses(state, out);
	log_metrics(state, out);
	counter(out, "ringfence_released_runs_total", "Releases of runs.", metrics->released);
	counter(out, "ringfence_refused_runs_total", "Users that were refused to start a run.", metrics->refused);
}

/* --- the file ------------------------------------------------------------------------------- */

static int write_file(const char *path, const struct text *text)
{
	int err = 0, fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0)
		return -errno;
	errno = EIO;			/* a short write */
	if (write(fd, text->data, text->size) != (ssize_t)text->size || fchmod(fd, 0644))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	return err;
}

/* A file of another name is none to the collector: it reads *.prom only. */
static int replace_file(const char *path, const struct text *text)
{
	char temp[PATH_MAX];
	int err;

	if (snprintf(temp, sizeof(temp), "%s.new", path) >= (int)sizeof(temp))
		return -ENAMETOOLONG;
	err = write_file(temp, text);
	if (!err && rename(temp, path))
		err = -errno;
	if (err)
		unlink(temp);
	return err;
}

int metrics_write(struct metrics *metrics, const struct metrics_state *state, const char *path)
{
	struct text text = { 0 };
	int err;

	metrics_text(metrics, state, &text);
	err = text.failed ? -ENOMEM : 0;
	if (!err && text.size == metrics->written_size && !memcmp(text.data, metrics->written, text.size) &&
	    !access(path, F_OK)) {
		text_free(&text);
		return 0;
	}
	if (!err)
		err = replace_file(path, &text);
	if (err) {
		text_free(&text);
		return err;
	}
	free(metrics->written);
	metrics->written = text.data;
	metrics->written_size = text.size;
	return 0;
}
