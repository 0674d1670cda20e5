/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of an audit log, made short, for tests of what reads them. */
#pragma once

#include <stdio.h>
#include <string.h>

#define LOG_RUN "20270331-142355-9f03ac"

/* What differs between the lines of a test; what is NULL or 0 is as in log_write(). */
struct log_line {
	const char *run, *verdict, *service, *object, *comm, *err, *rule, *why, *args, *lineage;
	const char *tag, *time;
	int recorded, pid, lost;	/* recorded: not enforced */
};

#define LOG_LINE(...) (&(const struct log_line){ __VA_ARGS__ })
#define LOG_NET(ip, port) \
	"\"event\":{\"category\":[\"network\"]},\"destination\":{\"ip\":\"" ip "\",\"port\":" port \
	"},\"network\":{\"transport\":\"tcp\"}"
#define LOG_FILE(path) "\"event\":{\"category\":[\"file\"]},\"file\":{\"path\":\"" path "\"}"

static inline void log_write(FILE *out, const struct log_line *line)
{
#define OR(field, other) (line->field ? line->field : (other))
	int pid = OR(pid, 812);

	fprintf(out, "{\"@timestamp\":\"%s\",%s,"
		"\"process\":{\"pid\":%d,\"entity_id\":\"b-%d-1\",\"name\":\"%s\",\"args\":%s},"
		"\"rule\":{\"name\":\"deny github\",\"id\":\"%s\",\"description\":\"%s\"},"
		"\"ringfence\":{\"run\":\"%s\",\"tag\":\"%s\",\"service\":\"%s\",\"verdict\":\"%s\","
		"\"errno\":\"%s\",\"enforced\":%s,\"access\":\"write\",\"ancestors\":["
		"{\"pid\":810,\"executable\":\"/bin/sh\",\"args\":[\"sh\",\"deploy.sh\"]},"
		"{\"pid\":800,\"executable\":\"/bin/init\"}],"
		"\"lineage\":\"%s\",\"lost_before\":%d}}\n",
		OR(time, "2027-03-31T14:23:55.123456789Z"),
		OR(object, LOG_NET("140.82.112.3", "443")), pid, pid, OR(comm, "curl"),
		OR(args, "[\"curl\",\"-fsSL\",\"https://h/a b\"]"), OR(rule, "mysql.yaml:12"),
		OR(why, "GitHub is down"), OR(run, LOG_RUN), OR(tag, "mysql-deploy"), OR(service, "github"),
		OR(verdict, "deny"), OR(err, "EHOSTUNREACH"), line->recorded ? "false" : "true",
		OR(lineage, "complete"), line->lost);
#undef OR
}

/* That a run begins, or is over. */
static inline void log_write_note(FILE *out, const char *run, const char *action, const char *what, int lost)
{
	fprintf(out, "{\"@timestamp\":\"2027-03-31T14:23:55.123456789Z\",\"event\":{\"category\":[\"process\"],"
		"\"action\":\"%s\"},\"process\":{\"pid\":810,\"entity_id\":\"b-810-1\",\"name\":\"ringfence\"},"
		"\"ringfence\":{\"run\":\"%s\",\"tag\":\"mysql-deploy\",\"verdict\":\"allow\",\"enforced\":false,"
		"\"mode\":\"audit\",\"reason\":\"x\",%s,\"ancestors\":[],\"lineage\":\"complete\",\"lost_before\":%d}}\n",
		action, run, what, lost);
}
#define LOG_BEGIN "\"begin\":{\"command\":[\"./deploy\",\"\\u001b\"],\"directory\":\"/srv/deploy\",\"named\":[" \
	"{\"service\":\"github\",\"where\":\"script\",\"line\":7,\"text\":\"x\"}],\"services\":{},\"record\":\"all\"}"
#define LOG_END "\"end\":{\"status\":7,\"denied\":3,\"audited\":0,\"submitted\":4,\"lost\":1,\"lost_lineage\":0," \
	"\"unrecorded\":0,\"refused_forks\":0,\"repeated\":0}"
