/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The document of a large run, made up: 400 steps, 300 dependencies on 48 services and some files, 2000
 * points of the timeline.
 */
#pragma once

#include <jansson.h>

#define LARGE_STEPS 400
#define LARGE_DEPENDENCIES 300
#define LARGE_POINTS 2000
#define LARGE_SERVICES 48
#define LARGE_MS 5400000		/* an hour and a half */

/* Every tenth step is the deploy's own; what is below it came from it. */
static json_t *large_step(int i)
{
	static const char *const programs[] = { "ansible-playbook", "curl", "git", "pip", "kubectl", "helm",
						"rsync", "terraform", "docker", "sh" };
	int own = i % 10 == 0, parent = own ? 0 : i % 10 < 4 ? i / 10 * 10 : i - 1;
	double first = LARGE_MS / (double)LARGE_STEPS * i, length = own ? 120000 : 40000 - i % 10 * 3000;

	return json_pack("{s:i, s:o, s:i, s:s, s:s+, s:[s,s,s], s:b, s:s, s:b, s:b, s:f, s:f}",
			 "id", i, "parent", i ? json_integer(parent) : json_null(), "pid", 1000 + i,
			 "entity", "e", "executable", "/usr/bin/", programs[i % 10],
			 "args", programs[i % 10], "--inventory=production/eu-west-1/databases.yaml", "apply",
			 "args_cut", i % 7 == 0, "name", programs[i % 10], "own", own, "unknown_parents", 0,
			 "first", i ? first : 0.0,
			 "last", i ? first + length < LARGE_MS ? first + length : LARGE_MS : (double)LARGE_MS);
}

static json_t *large_dependency(int i)
{
	static const char *const kinds[] = { "direct", "hidden", "direct", "transient", "direct", "hidden",
					     "undecided" };
	static const char *const verdicts[] = { "allow", "audit", "allow", "deny" };
	const char *kind = kinds[i % 7];
	char what[64], via[64];
	int step = i * 10 % LARGE_STEPS, transient = i % 7 == 3;

	if (i % 5 == 4)
		snprintf(what, sizeof(what), "/srv/artifacts/release-%d/checksums.txt", i);
	else
		snprintf(what, sizeof(what), "service-%02d%s", i * 7 % LARGE_SERVICES,
			 i % 3 ? "" : "-with-a-rather-long-name");
	snprintf(via, sizeof(via), "service-%02d", i * 7 * 7 % LARGE_SERVICES);
	return json_pack("{s:s#, s:s, s:o, s:s, s:s, s:[s], s:n, s:b, s:n, s:o, s:o, s:i, s:[i], s:s, s:b, s:s, s:s,"
			 " s:s, s:s, s:s, s:i, s:f, s:f, s:[{s:s, s:i}], s:i, s:s, s:s}",
			 "id", what, (int)strlen(what), "what", what,
			 "service", i % 5 == 4 ? json_null() : json_string(what), "class", "net", "kind", kind,
			 "evidence", "The arguments of the step name the service.", "override", "handoff", 0, "peer",
			 "via", transient ? json_string(via) : json_null(),
			 "loop", i % 50 == 3 ? json_pack("[s,s]", via, what) : json_null(),
			 "step", step, "reached_by", i % 7 == 1 || i % 7 == 5 ? step + 2 : step,
			 "verdict", verdicts[i % 4], "enforced", i % 8 < 4, "errno", i % 4 == 3 ? "EPERM" : "",
			 "rule", i % 4 == 3 ? "deny outside" : "", "rule_id", i % 4 == 3 ? "large.yaml:7" : "",
			 "why", "", "reason", "a rule of the policy", "count", 1 + i % 13,
			 "first", LARGE_MS / (double)LARGE_DEPENDENCIES * i, "last", (double)LARGE_MS,
			 "objects", "object", "10.0.0.1:443/tcp", "count", 1 + i % 13, "more_objects", i % 3,
			 "breaks", "", "suggestion", i % 4 ? "" : "Take it from the mirror.");
}

static json_t *large_list(int count, json_t *(*each)(int i))
{
	json_t *list = json_array();

	for (int i = 0; i < count; i++)
		json_array_append_new(list, each(i));
	return list;
}

static json_t *large_point(int i)
{
	static const char *const verdicts[] = { "allow", "audit", "allow", "deny" };
	int dependency = i * 3 % LARGE_DEPENDENCIES;

	return json_pack("{s:f, s:i, s:i, s:s, s:i}", "t", LARGE_MS / (double)LARGE_POINTS * i, "step",
			 i / (LARGE_POINTS / LARGE_STEPS), "dependency", dependency, "verdict",
			 verdicts[dependency % 4], "count", 1 + i % 4);
}

static json_t *large_service(int i)
{
	char name[32];

	snprintf(name, sizeof(name), "service-%02d", i);
	return json_pack("{s:s, s:s, s:[], s:s, s:s, s:s, s:s, s:i}", "name", name, "verdict",
			 i % 4 == 3 ? "deny" : "allow", "needs", "rule", i % 4 == 3 ? "deny outside" : "",
			 "rule_id", i % 4 == 3 ? "large.yaml:7" : "", "why", "", "errno", "", "count", i);
}

static json_t *large_report(void)
{
	return json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:[s,s], s:s, s:s,"
			 " s:{s:s, s:b, s:i, s:i, s:i, s:i}, s:o, s:o, s:o, s:o,"
			 " s:{s:b, s:i, s:i, s:i, s:i, s:i, s:i, s:[], s:[]}, s:{s:i, s:i, s:i}}",
			 "report", 1, "run", "20270405-010000-abcdef", "tag", "fleet-rollout",
			 "policy", "large.yaml", "mode", "enforce", "begun", "2027-04-05T01:00:00.000Z",
			 "ended", "2027-04-05T02:30:00.000Z",
			 "status", 1, "command", "ansible-playbook", "site.yaml", "directory", "/srv/rollout",
			 "script", "", "verdict", "sentence",
			 "fleet-rollout needs 48 services, 12 of which the policy denies, in 300 ways.", "loop", 1,
			 "denied", 75, "would_deny", 0, "audited", 75, "allowed", 150,
			 "services", large_list(LARGE_SERVICES, large_service),
			 "steps", large_list(LARGE_STEPS, large_step),
			 "dependencies", large_list(LARGE_DEPENDENCIES, large_dependency),
			 "timeline", large_list(LARGE_POINTS, large_point),
			 "completeness", "complete", 1, "lost", 0, "lost_lineage", 0, "unrecorded", 0,
			 "refused_forks", 0, "repeated", 8711, "lineage_incomplete", 0, "liveness", "notes",
			 "log", "files", 4, "lines", 31022, "records", 31022);
}
