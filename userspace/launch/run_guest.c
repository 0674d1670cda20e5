/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/descriptors.h"
#include "../base/locations.h"
#include "../base/say.h"
#include "../runs/facts.h"
#include "../runs/run_id.h"
#include "gate.h"
#include "launch.h"
#include "run_guest.h"

struct visit {
	const struct guest_run *run;
	int gate;
	struct gate_answer answer;	/* the last */
};

static void tell_unreachable(int err)
{
	switch (err) {
	case -EACCES:
		say("this user may not ask the daemon to be put behind the fence");
		say_remedy("only members of the group that owns " PATH_GATE " may (ringfence)");
		break;
	case -ENOENT:
	case -ECONNREFUSED:
		say("the fence is not open to this user, and no daemon answers at " PATH_GATE);
		say_remedy("systemctl start ringfence, as root; or run it as root");
		break;
	default:
		say_errno(err, "cannot ask the daemon at " PATH_GATE);
	}
}

static int ask(struct visit *visit, enum gate_verb verb, int status, const int *descriptors, size_t count)
{
	struct gate_request request = {
		.version = GATE_VERSION,
		.verb = verb,
		.mode = visit->run->mode,
		.status = status,
	};
	int err;

	snprintf(request.tag, sizeof(request.tag), "%s", visit->run->tag_name);
	err = gate_ask(visit->gate, &request, descriptors, count, &visit->answer);
	if (err == -EPIPE || err == -ECONNRESET) {
		say("the daemon has gone");
	} else if (err) {
		say_errno(err, "no answer from the daemon");
	} else if (visit->answer.err) {
		say("%.*s", GATE_TEXT, visit->answer.text);
		if (*visit->answer.remedy)
			say_remedy("%.*s", GATE_TEXT, visit->answer.remedy);
		err = visit->answer.err;
	}
	return err;
}

/* What the command is, for the log. A file, or a negative number where that cannot be told: it is not needed. */
static int pack_facts(const struct visit *visit)
{
	struct facts facts;
	int fd, err = facts_gather(visit->run->argv, environ, &facts);

	if (err)
		return err;
	fd = facts_pack(&facts);
	facts_free(&facts);
	return fd;
}

static int tag_by_gate(void *ctx, pid_t pid, int pidfd)
{
	int descriptors[] = { pidfd, pack_facts(ctx) };
	int err = ask(ctx, GATE_TAG, 0, descriptors, descriptors[1] < 0 ? 1 : 2);

	(void)pid;			/* the daemon has it of the pidfd */
	if (descriptors[1] >= 0)
		close(descriptors[1]);
	return err;
}

static int finish(struct visit *visit, int status)
{
	char name[RUN_NAME_SIZE];
	int err = ask(visit, GATE_END, status, NULL, 0);
	const struct gate_answer *answer = &visit->answer;

	if (err)
		say("what the run was denied cannot be told; its records are in " PATH_LOG);
	else if (!visit->run->quiet && (answer->denied || answer->audited || answer->lost))
		fprintf(stderr, "run %s: %" PRIu64 " %s, %" PRIu64 " audited, %" PRIu64 " lost; "
			"ringfence log --run %s shows them, to whoever may read " PATH_LOG "\n",
			run_id_name(answer->run, name), answer->denied,
			answer->mode == MODE_AUDIT ? "would have been denied" : "denied", answer->audited,
			answer->lost, name);
	if (!err && answer->unrecorded)
		say("%" PRIu64 " accesses were denied, because no record of them found room", answer->unrecorded);
	if (!err && answer->refused_forks)
		say("%" PRIu64 " forks failed, because the child could not be tagged",
		    answer->refused_forks);
	return visit->run->fail_on_deny && !status && (err || answer->denied || answer->unrecorded) ? -1 : status;
}

int run_guest(const struct guest_run *run, int exit_denied)
{
	struct visit visit = { .run = run, .gate = gate_connect() };
	struct launch_order order = {
		.argv = run->argv,
		.keep_fds = run->keep_fds,
		.tag = tag_by_gate,
		.ctx = &visit,
	};
	int status, pidfd = -1;
	bool vouched;
	pid_t pid;

	if (strlen(run->tag_name) >= TAG_NAME_MAX) {
		say("unknown tag \"%s\": no policy for it is in force", run->tag_name);
		return LAUNCH_FAILED;
	}
	if (visit.gate < 0) {
		tell_unreachable(visit.gate);
		return LAUNCH_FAILED;
	}
	status = descriptors_examine(run->keep_fds, &vouched) ? LAUNCH_FAILED :
		launch(&order, &pid, &pidfd);
	/* One that could not be executed was tagged, and may have been denied just that. */
	if (!status)
		status = launch_wait(pid, pidfd, NULL);
	if (status != LAUNCH_FAILED && visit.answer.run)
		status = finish(&visit, status);
	if (pidfd >= 0)
		close(pidfd);
	close(visit.gate);
	return status < 0 ? exit_denied : status;
}
