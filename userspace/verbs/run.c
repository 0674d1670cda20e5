/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence run: starts a command behind the fence: the loaded one, or with --policy one of its
 * own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "../audit/collector.h"
#include "../audit/run_log.h"
#include "../audit/summary.h"
#include "../base/descriptors.h"
#include "../base/identity.h"
#include "../base/locations.h"
#include "../base/options.h"
#include "../base/say.h"
#include "../host/host.h"
#include "../launch/launch.h"
#include "../launch/run_guest.h"
#include "../policies/policy_file.h"
#include "../runs/facts.h"
#include "../runs/run_id.h"
#include "../runs/runs.h"
#include "../upkeep/fence_up.h"
#include "../upkeep/keeper.h"
#include "../upkeep/probe.h"
#include "verbs.h"

#define SETTLE_MS 5000			/* how long the last records may take */
#define EXIT_DENIED 123			/* --fail-on-deny */
#define OWN_SLOT 1			/* of the policy in a fence of our own */

static const struct verb_option options[] = {
	{ 't', "tag", "TAG", "the policy that governs the command (needed)" },
	{ 'p', "policy", "FILE", "load a fence with this policy for this run only; as root" },
	{ 'm', "mode", "audit|enforce", "instead of the policy's own mode" },
	{ 'l', "log", "FILE", "append the records of this run to FILE" },
	{ 'F', "fail-on-deny", NULL, "exit with 123 when the command succeeded but was (or would have been) denied something" },
	{ 'k', "keep-fds", NULL, "hand on open descriptors above standard error, and list them; else they are closed" },
	{ 'u', "user", "USER", "start the command as this user, with no privileges; as root" },
	{ 'q', "quiet", NULL, "no summary at the end" },
	{},
};

const struct verb run_verb = {
	.name = "run",
	.arguments = "--tag TAG [--policy FILE] [OPTION]... -- COMMAND [ARGUMENT]...",
	.help = "Starts COMMAND as a deploy of TAG: it and all its children are tagged, and what they reach\n"
		"for is judged by TAG's policy. Uses the loaded fence; with --policy, brings up a fence of\n"
		"its own and takes it down at the end. Nothing is started before a denied probe through\n"
		"every hook has shown that the fence is live. Who is not root asks the daemon, for the tags\n"
		"whose policies name the user.\n\n"
		"The records go to " PATH_LOG ", or with --policy to\n"
		"./ringfence-RUN.jsonl, unless --log says otherwise.\n\n"
		"When the run is released meanwhile (ringfence release), it waits on, and says so at the end.\n\n"
		"Exit status: COMMAND's own, 128+n when signal n ended it; 125 when ringfence failed and\n"
		"nothing was started; 126 when COMMAND is not executable; 127 when it was not found.",
	.options = options,
	.colored = true,
	.command_follows = true,
};

struct session {
	const char *tag_name;
	const char *policy;		/* NULL: the loaded fence */
	const char *log;		/* as asked for, or NULL */
	enum mode mode;
	bool fail_on_deny;
	bool quiet;
	bool keep_fds;
	const char *user;		/* to become, or NULL */
	char **argv;

	struct fence *fence;
	struct collector *collector;
	struct tag tag;
	char run[RUN_NAME_SIZE];
	int lock;			/* PATH_LOCK while the loaded fence is looked at, or -1 */
	bool vouched;			/* no descriptor that it inherits need be judged */
	bool kept;			/* this process is protected from the command */
	uint64_t noted;			/* lines about the run, that no hook is the cause of */
	char own_log[64];		/* of a fence of our own, where --log does not say */
	struct facts facts;		/* about the command */
};

/* --- the command line ----------------------------------------------------------------------- */

static int parse_mode(const char *word, enum mode *ret_mode)
{
	if (!strcmp(word, "audit"))
		*ret_mode = MODE_AUDIT;
	else if (!strcmp(word, "enforce"))
		*ret_mode = MODE_ENFORCE;
	else
		return verb_misused(&run_verb, "--mode %s: expected audit or enforce", word);
	return 0;
}

static int parse(struct session *session, int argc, char **argv)
{
	int id;

	while ((id = verb_next(&run_verb, argc, argv)) != VERB_END) {
		switch (id) {
		case 't':
			session->tag_name = optarg;
			break;
		case 'p':
			session->policy = optarg;
			break;
		case 'm':
			if (parse_mode(optarg, &session->mode))
				return -EINVAL;
			break;
		case 'l':
			session->log = optarg;
			break;
		case 'F':
			session->fail_on_deny = true;
			break;
		case 'q':
			session->quiet = true;
			break;
		case 'u':
			session->user = optarg;
			break;
		case 'k':
			session->keep_fds = true;
			break;
		default:
			return -EINVAL;
		}
	}
	session->argv = argv + optind;
	if (!session->tag_name)
		return verb_misused(&run_verb,
				    "--tag is missing: which policy governs the command?");
	if (!*session->argv)
		return verb_misused(&run_verb, "no command to run");
	return 0;
}

/* --- the fence ------------------------------------------------------------------------------ */

static int load_own_fence(struct session *session)
{
	struct ruleset *image = NULL;
	int err = policy_file_compile(session->policy, true, 1, &image);

	if (err)
		return err;
	if (strcmp(image->tag, session->tag_name)) {
		say("unknown tag \"%s\": %s is the policy for tag %s", session->tag_name,
		    session->policy, image->tag);
		err = -ENOENT;
	} else if (!host_capable()) {
		say("run --policy loads programs into the kernel, which this user may not");
		host_explain(-EPERM);
		err = -EPERM;
	} else if ((err = host_check() ?: fence_load(&session->fence))) {
		host_explain(err);
	} else {
		err = probe_install(session->fence) ?:
			fence_put_ruleset(session->fence, OWN_SLOT, image);
		if (err)
			say_errno(err, "cannot put the policy in force");
	}
	session->tag.policy = OWN_SLOT;
	free(image);
	return err;
}

/* With a lock until the command is tagged: `unload`, which takes the fence down where nothing is
 * tagged, must not come in between. */
static int open_loaded_fence(struct session *session)
{
	int err = access(FENCE_PINS, F_OK) ? -errno : 0;

	if (!err) {
		session->lock = path_lock(PATH_LOCK, LOCK_SH);
		err = session->lock < 0 ? session->lock : fence_open(&session->fence);
	}
	if (err) {
		fence_tell_missing(err);
		return err;
	}
	return fence_look_told(session->fence) ?:
		fence_find_tag_told(session->fence, session->tag_name, &session->tag);
}

/* Where the collector writes. Of a loaded fence, --log is a copy made at the end. */
static const char *log_path(const struct session *session)
{
	if (!session->policy)
		return PATH_LOG;
	return session->log ? session->log : session->own_log;
}

static int start_collecting(struct session *session)
{
	int err = session->policy ? 0 : path_make_logs();

	if (!err)
		err = collector_open(session->fence, log_path(session), !session->policy,
				     &session->collector);
	if (err)
		say_errno(err, "cannot write the audit log %s", log_path(session));
	return err;
}

/* Whether the file that --log names will do. */
static int check_log(const struct session *session)
{
	int err = session->log ? run_log_check(session->log) : 0;

	if (err == -EINVAL)
		say("--log %s: must be a regular file, since it is read back at the end",
		    session->log);
	else if (err)
		say_errno(err, "cannot write the audit log %s", session->log);
	return err;
}

/* What the command will have open, it will have opened under the ruleset that is in force now. */
static int vouch(struct session *session)
{
	struct ruleset header;
	int err = fence_get_header(session->fence, session->tag.policy, &header);

	if (err)
		say_errno(err, "cannot read the policy in force");
	else
		session->tag.generation = header.generation;
	return err;
}

/* A launcher that the command could stop or kill would see no record of it into the log. */
static int keep(struct session *session)
{
	int err = fence_keep(session->fence, 0);

	if (err)
		say_errno(err, "cannot have this process protected from tagged ones");
	session->kept = !err;
	return err;
}

/* Everything that must stand before the command may start. */
static int prepare(struct session *session)
{
	struct run account = { .pid = getpid(), .uid = getuid(), .flags = runs_mode_flags(session->mode) };
	int err;

	session->tag.run = run_id_new();
	session->tag.mode = session->mode;
	run_id_name(session->tag.run, session->run);
	snprintf(session->own_log, sizeof(session->own_log), "ringfence-%s.jsonl", session->run);
	err = check_log(session) ?: descriptors_examine(session->keep_fds, &session->vouched);
	if (!err)
		err = session->policy ? load_own_fence(session) : open_loaded_fence(session);
	if (!err)
		err = keep(session);
	if (!err)
		err = start_collecting(session);
	if (!err)
		err = fence_prove_told(session->fence, session->collector);
	if (err)
		return err;
	err = session->vouched ? vouch(session) : 0;
	if (err)
		return err;
	err = fence_recordable_told(session->fence, session->tag.policy, session->mode, log_path(session));
	if (err)
		return err;
	account.policy = session->tag.policy;
	err = runs_begin(session->fence, session->tag.run, &account);
	if (err)
		say_errno(err, "cannot open an account for the run");
	if (err == -E2BIG)
		say_remedy("all places are taken by runs that are not over, or cannot be seen to be: ringfence runs, on the host, lists them");
	return err;
}

/* --- the start ------------------------------------------------------------------------------ */

/* Before the child goes on, and so before all it does. A log that lacks the line has the records. */
static void note_begin(struct session *session, pid_t pid)
{
	char name[64];
	struct run_starter starter = { .user = session->user ?: name };
	int err;

	identity_name(getuid(), name, sizeof(name));
	err = runs_note_begin(session->fence, &session->tag, pid, &session->facts, &starter);
	if (err)
		say_errno(err, "cannot have the audit log say that the run begins");
	session->noted += !err;
}

static int tag_child(void *ctx, pid_t pid, int pidfd)
{
	struct session *session = ctx;
	int err = fence_tag(session->fence, pidfd, &session->tag);

	if (err)
		say_errno(err, "cannot tag the command");
	else
		note_begin(session, pid);
	return err;
}

/* As an ordinary user, and on the loaded fence. */
static int run_as_guest(const struct session *session)
{
	const struct guest_run run = {
		.tag_name = session->tag_name,
		.mode = session->mode,
		.keep_fds = session->keep_fds,
		.quiet = session->quiet,
		.fail_on_deny = session->fail_on_deny,
		.argv = session->argv,
	};

	if (session->log || session->user) {
		say("%s is for root", session->log ? "--log" : "--user");
		say_remedy(session->log ? "the daemon's log has the records: " PATH_LOG :
			   "leave it out: the command is started as this user");
		return LAUNCH_FAILED;
	}
	return run_guest(&run, EXIT_DENIED);
}

/* --- the end -------------------------------------------------------------------------------- */

/* Sees that the fence outlives every process of the run. Returns whether there are any. */
static bool keep_fence(struct session *session)
{
	size_t processes = 0;
	int err = keeper_count(session->fence, session->tag.run, &processes);
	pid_t keeper;

	if (err)
		say_errno(err, "cannot tell whether processes outlive the command");
	else if (!processes)
		return false;
	if (!session->policy)
		return true;
	keeper = keeper_hold(session->fence, session->collector, session->tag.run);
	if (keeper < 0) {
		say_errno(keeper, "waiting for the processes that outlive the command");
		keeper_wait(session->fence, session->collector, session->tag.run);
		return false;
	}
	say("%zu process%s outlive%s the command; process %d holds their fence", processes,
	    processes == 1 ? "" : "es", processes == 1 ? "s" : "", keeper);
	err = fence_keep(session->fence, keeper);
	if (err)
		say_errno(err, "cannot have it protected from tagged ones");
	session->collector = NULL;	/* the keeper's from now on */
	return true;
}

static void tell_summary(const struct session *session, const struct run *account)
{
	const char *log = session->log ? session->log : log_path(session);
	struct summary summary = {};
	int err = summary_read(log, session->tag.run, &summary);

	if (err) {
		say_errno(err, "cannot read the audit log %s back", log);
		return;
	}
	if (account->lost > summary.lost)
		summary.lost = account->lost;
	summary_print(&summary, stderr, verb_style(stderr));
	summary_free(&summary);
}

static void tell_losses(const struct run *account, uint64_t logged)
{
	if (account->submitted > logged + account->lost)
		say("%llu records are not in the audit log",
		    (unsigned long long)(account->submitted - logged - account->lost));
	if (account->unrecorded)
		say("%llu accesses were denied, because no record of them found room",
		    (unsigned long long)account->unrecorded);
	if (account->refused_forks)
		say("%llu forks failed, because the child could not be tagged",
		    (unsigned long long)account->refused_forks);
}

/* Behind all that the command did. What lives on is recorded behind it. */
static void note_end(struct session *session, int status)
{
	size_t processes = 0;
	int err = keeper_count(session->fence, session->tag.run, &processes) ?:
		runs_note_end(session->fence, session->tag.run, status, processes);

	if (err)
		say_errno(err, "cannot have the audit log say that the run is over");
	session->noted += !err;
}

/* Sees the last records into the log, tells what happened, and says what to exit with. */
static int finish(struct session *session, int status)
{
	struct run account = {};
	uint64_t logged = 0;
	bool unread, kept;
	int err;

	note_end(session, status);
	err = collector_settle(session->collector, session->tag.run, 0, SETTLE_MS);
	if (err)
		say_errno(err, "the audit log does not take the last records");
	if (!session->policy && session->log) {
		err = run_log_copy(PATH_LOG, session->tag.run, session->log) ?: err;
		if (err)
			say_errno(err, "cannot copy the records to %s", session->log);
	}
	unread = fence_get_run(session->fence, session->tag.run, &account, &logged);
	if (unread)
		say("the account of the run is gone: what it was denied cannot be told");
	tell_losses(&account, logged);
	if (account.flags & TAG_RELEASED) {
		say("run %s was released while it ran: from then on nothing was denied or recorded",
		    session->run);
		say_remedy("ringfence log --run %s tells who did that, and why", session->run);
	}
	kept = keep_fence(session);
	if (!session->quiet)
		tell_summary(session, &account);
	if (session->policy && !session->log && account.submitted <= session->noted && !kept)
		unlink(session->own_log);	/* a run without records needs no log */
	if (!kept && !err)
		fence_end_run(session->fence, session->tag.run);
	return session->fail_on_deny && !status && (account.denied || account.unrecorded || unread) ? EXIT_DENIED :
									       status;
}

/* Starts the command and waits for it. Where it could not be executed, that may have been us. */
static int run(struct session *session)
{
	struct launch_order order = {
		.argv = session->argv,
		.keep_fds = session->keep_fds,
		.tag = tag_child,
		.ctx = session,
	};
	int status, guard = -1, pidfd = -1;
	pid_t pid;

	if (session->user && identity_find(session->user, &order.user)) {
		say("--user %s: there is no such user", session->user);
		return LAUNCH_FAILED;
	}
	if (session->policy) {
		guard = keeper_guard(session->fence, session->collector, log_path(session),
				     session->tag.run);
		if (guard < 0) {
			say_errno(guard, "cannot guard the fence");
			return LAUNCH_FAILED;
		}
	}
	status = launch(&order, &pid, &pidfd);
	if (session->lock >= 0)
		close(session->lock);
	session->lock = -1;
	if (status == LAUNCH_FAILED) {
		fence_end_run(session->fence, session->tag.run);
		keeper_dismiss(guard);
		return status;
	}
	if (!status)
		status = launch_wait(pid, pidfd, session->collector);
	if (pidfd >= 0)
		close(pidfd);
	status = finish(session, status);
	keeper_dismiss(guard);
	return status;
}

int run_main(int argc, char **argv)
{
	struct session session = { .lock = -1 };
	int status = LAUNCH_FAILED;

	if (parse(&session, argc, argv))
		return LAUNCH_FAILED;
	if (geteuid() && !session.policy)
		return run_as_guest(&session);
	/* Before any lock is held: the script may be on a file system that makes us wait. */
	if (facts_gather(session.argv, environ, &session.facts))
		session.facts = (struct facts){};
	if (!prepare(&session))
		status = run(&session);
	if (session.lock >= 0)
		close(session.lock);
	if (collector_close(session.collector))
		say("the audit log did not take the last records");
	if (session.kept)
		fence_unkeep(session.fence, 0);
	fence_close(session.fence);
	facts_free(&session.facts);
	return status;
}
