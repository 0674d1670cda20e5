/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../policy/image.h"
#include "../base/identity.h"
#include "../base/locations.h"
#include "../base/say.h"
#include "../runs/run_id.h"
#include "../runs/runs.h"
#include "../upkeep/keeper.h"
#include "gate.h"

#define GATE_GROUP "ringfence"
#define GUESTS_MAX 256			/* connections at a time: one for each run that goes on, */
#define GUESTS_OF_USER 64		/* and of one user, that others find room */
#define GROUPS_MAX 1024			/* of a user */
#define SETTLE_MS 1000

/* Whoever is connected. */
struct guest {
	int fd;				/* -1: a free place */
	struct ucred who;		/* as of connect(2) */
	uint64_t run;			/* 0: none yet */
	bool ended;			/* and said to be over */
};

struct gate {
	struct fence *fence;
	struct collector *collector;
	int fd;
	bool own_socket;		/* made here, and removed at the end */
	struct guest guests[GUESTS_MAX];
};

/* --- answers -------------------------------------------------------------------------------- */

__attribute__((format(printf, 4, 5)))
static void refuse(struct gate_answer *answer, int err, const char *remedy, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(answer->text, sizeof(answer->text), fmt, args);
	va_end(args);
	snprintf(answer->remedy, sizeof(answer->remedy), "%s", remedy);
	answer->err = err;
}

/* --- who may -------------------------------------------------------------------------------- */

static bool names_user(const char *name, uid_t uid)
{
	const struct passwd *user = getpwnam(name);
	char *end;
	unsigned long number = strtoul(name, &end, 10);

	return user ? user->pw_uid == uid : !*end && number == uid;
}

static bool names_group(const char *name, const gid_t *groups, size_t count)
{
	const struct group *group = getgrnam(name);
	char *end;
	unsigned long number = strtoul(name, &end, 10);

	for (size_t i = 0; i < count; i++)
		if (group ? group->gr_gid == groups[i] : !*end && number == groups[i])
			return true;
	return false;
}

static bool permits(const struct ruleset *image, const struct guest *guest)
{
	gid_t groups[GROUPS_MAX + 1];
	socklen_t size = GROUPS_MAX * sizeof(*groups);
	const char *name;
	size_t count;

	if (!guest->who.uid)
		return true;
	for (uint32_t i = 0; (name = image_name(image, image->users, i)); i++)
		if (names_user(name, guest->who.uid))
			return true;
	count = getsockopt(guest->fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) ? 0 :
		size / sizeof(*groups);
	groups[count++] = guest->who.gid;
	for (uint32_t i = 0; (name = image_name(image, image->groups, i)); i++)
		if (names_group(name, groups, count))
			return true;
	return false;
}

static void user_name(uid_t uid, char ret_name[64])
{
	const struct passwd *user = getpwuid(uid);

	snprintf(ret_name, 64, "%s (%u)", user ? user->pw_name : "a user without a name", uid);
}

/* A policy that the guest may start runs of: its slot. */
static int find_policy(struct gate *gate, const struct guest *guest, const struct gate_request *request,
		       struct tag *tag, struct gate_answer *answer)
{
	struct ruleset *image = NULL;
	char user[64], note[256];
	uint32_t slot = 0;
	int err = fence_find_tag(gate->fence, request->tag, &slot, NULL, NULL) ?:
		fence_get_ruleset(gate->fence, slot, &image);

	if (err == -ENOENT) {
		refuse(answer, err, "ringfence check shows the tag of a policy; root puts it in force with ringfence apply",
		       "unknown tag \"%s\": no policy for it is in force", request->tag);
	} else if (err) {
		refuse(answer, err, "see the log of the daemon", "the policy cannot be read: %s", strerror(-err));
	} else if (!permits(image, guest)) {
		err = -EPERM;
		user_name(guest->who.uid, user);
		snprintf(note, sizeof(note), "user %s may not start runs of tag %s", user, request->tag);
		say("%s", note);
		collector_note(gate->collector, RULE_REFUSED, guest->who.uid, run_id_new(), note);
		refuse(answer, err, "its policy has to name the user under `users`, or a group of it under `groups`",
		       "%s", note);
	} else if (request->mode == MODE_AUDIT && image->mode != MODE_AUDIT) {
		err = -EPERM;
		refuse(answer, err, "only root may; the policy itself can say mode: audit",
		       "the policy of tag %s is enforced: --mode audit would undo that", request->tag);
	}
	tag->policy = slot;
	free(image);
	return err;
}

/* --- what is tagged ------------------------------------------------------------------------- */

/* The number behind @key in a file of lines "KEY:\tNUMBER..."; -1 where there is none. */
static long field(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? strtol(at + strlen(key), NULL, 10) : -1;
}

static bool read_proc(const char *path, char *ret_text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, ret_text, size - 1);

	if (fd >= 0)
		close(fd);
	ret_text[got > 0 ? got : 0] = 0;
	return got > 0;
}

/* A process that is the guest's own child, in all of its user ids, with one thread. What it becomes
 * afterwards it becomes with the tag. */
static bool is_own(const struct guest *guest, int pidfd, pid_t *ret_pid)
{
	struct pollfd end = { .fd = pidfd, .events = POLLIN };
	char path[64], text[4096];
	unsigned int uid[4] = {};
	const char *ids;
	long pid;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	pid = read_proc(path, text, sizeof(text)) ? field(text, "\nPid:") : -1;
	snprintf(path, sizeof(path), "/proc/%ld/status", pid);
	if (pid <= 0 || !read_proc(path, text, sizeof(text)))
		return false;
	ids = strstr(text, "\nUid:");
	if (!ids || sscanf(ids, "\nUid: %u %u %u %u", &uid[0], &uid[1], &uid[2], &uid[3]) != 4)
		return false;
	for (int i = 0; i < 4; i++)
		if (uid[i] != guest->who.uid)
			return false;
	*ret_pid = pid;
	/* Last: it is alive, so that what was read is of no other process of that number. */
	return field(text, "\nPPid:") == guest->who.pid && field(text, "\nThreads:") == 1 &&
	       !poll(&end, 1, 0);
}

/* The line that a run begins, with what the guest says that it starts: only that, and never as if it were known.
 * It is not in the way of the run. */
static void note_begin(struct gate *gate, const struct guest *guest, const struct tag *tag, pid_t pid, int packed)
{
	struct run_starter starter = { .claimed = guest->who.uid };
	struct facts facts = {};
	char name[64];
	int err;

	identity_name(guest->who.uid, name, sizeof(name));
	starter.user = name;
	if (facts_unpack(packed, &facts))
		facts = (struct facts){};
	err = runs_note_begin(gate->fence, tag, pid, &facts, &starter);
	if (err)
		say_errno(err, "cannot have the audit log say that a run of %s begins", name);
	facts_free(&facts);
}

static void tag_guest(struct gate *gate, struct guest *guest, const struct gate_request *request,
		      const int descriptors[GATE_DESCRIPTORS], struct gate_answer *answer)
{
	int pidfd = descriptors[0];
	pid_t pid = 0;
	struct tag tag = { .run = run_id_new(), .mode = request->mode };
	struct run account = { .pid = guest->who.pid, .uid = guest->who.uid };
	int err = find_policy(gate, guest, request, &tag, answer);

	if (err)
		return;
	if (guest->run || !is_own(guest, pidfd, &pid)) {
		refuse(answer, -EPERM, "ringfence run asks for one", guest->run ?
		       "this connection has a run already" :
		       "only a child of one's own, with one thread, can be put behind the fence");
		return;
	}
	err = collector_refuses(gate->fence, tag.policy, tag.mode, PATH_LOG);
	if (err) {
		refuse(answer, err, "its policy says on_log_failure: deny; root has to make room there",
		       "the audit log " PATH_LOG " cannot be written: %s", strerror(-err));
		return;
	}
	account.policy = tag.policy;
	account.flags = runs_mode_flags(tag.mode);
	err = runs_begin(gate->fence, tag.run, &account);
	if (!err && (err = fence_tag(gate->fence, pidfd, &tag)))
		fence_end_run(gate->fence, tag.run);
	if (err == -EEXIST)
		refuse(answer, err, "what a run starts is governed by its tag already", "it is tagged already");
	else if (err)
		refuse(answer, err, "see the log of the daemon", "it cannot be tagged: %s", strerror(-err));
	if (err)
		return;
	answer->run = guest->run = tag.run;
	note_begin(gate, guest, &tag, pid, descriptors[1]);
}

/* The lock is that of `ringfence unload`, which must not come in between. */
static void let_in(struct gate *gate, struct guest *guest, const struct gate_request *request,
		   const int descriptors[GATE_DESCRIPTORS], const char *fault, struct gate_answer *answer)
{
	int lock;

	if (fault) {
		refuse(answer, -ENOTSUP, "ringfence status shows more, to root", "the fence does not hold: %s", fault);
		return;
	}
	lock = path_lock(PATH_LOCK, LOCK_SH | LOCK_NB);
	if (lock < 0) {
		refuse(answer, lock, "try again in a moment", "the fence is being changed");
		return;
	}
	tag_guest(gate, guest, request, descriptors, answer);
	close(lock);
}

/* The line that a run is over. What the command ended with is as the guest says. */
static void note_end(struct gate *gate, const struct guest *guest, uint32_t status)
{
	size_t processes = 0;
	int err = keeper_count(gate->fence, guest->run, &processes) ?:
		runs_note_end(gate->fence, guest->run, status <= UINT8_MAX ? (int)status : -1, processes);

	if (err)
		say_errno(err, "cannot have the audit log say that a run is over");
}

static void tell_end(struct gate *gate, struct guest *guest, const struct gate_request *request,
		     struct gate_answer *answer)
{
	struct ruleset policy = { .mode = MODE_ENFORCE };
	struct run account = {};
	size_t processes = 0;
	uint64_t logged = 0;

	if (!guest->run) {
		refuse(answer, -EINVAL, "", "this connection has no run");
		return;
	}
	if (!guest->ended)
		note_end(gate, guest, request->status);
	guest->ended = true;
	collector_settle(gate->collector, guest->run, 0, SETTLE_MS);
	answer->err = fence_get_run(gate->fence, guest->run, &account, &logged);
	if (!answer->err)
		fence_get_header(gate->fence, account.policy, &policy);
	answer->run = guest->run;
	answer->mode = runs_mode(&account, &policy);
	answer->denied = account.denied;
	answer->audited = account.audited;
	answer->lost = account.lost;
	answer->unrecorded = account.unrecorded;
	answer->refused_forks = account.refused_forks;
	if (!keeper_count(gate->fence, guest->run, &processes) && !processes &&
	    logged + account.lost >= account.submitted)
		fence_end_run(gate->fence, guest->run);
	answer->processes = processes;
}

/* --- connections ---------------------------------------------------------------------------- */

static void dismiss(struct guest *guest)
{
	close(guest->fd);
	*guest = (struct guest){ .fd = -1 };
}

/* A free place, or NULL where the user has had its share. */
static struct guest *find_place(struct gate *gate, uid_t uid)
{
	struct guest *vacant = NULL;
	size_t held = 0;

	for (size_t i = 0; i < GUESTS_MAX; i++) {
		struct guest *guest = &gate->guests[i];

		if (guest->fd < 0)
			vacant = guest;
		else if (guest->who.uid == uid)
			held++;
	}
	return held < GUESTS_OF_USER || !uid ? vacant : NULL;
}

static void welcome(struct gate *gate)
{
	struct guest *place;
	struct ucred who;
	int fd = accept4(gate->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	socklen_t size = sizeof(who);

	if (fd < 0)
		return;
	place = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) ? NULL : find_place(gate, who.uid);
	if (place)
		*place = (struct guest){ .fd = fd, .who = who };
	else
		close(fd);
}

/* The descriptors of a message, the caller's; -1 for those that are not there. There is room for no more. */
static void descriptors_of(struct msghdr *message, int ret_descriptors[GATE_DESCRIPTORS])
{
	struct cmsghdr *head = CMSG_FIRSTHDR(message);

	if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS)
		memcpy(ret_descriptors, CMSG_DATA(head), head->cmsg_len - CMSG_LEN(0));
}

/* Returns the bytes received, and the descriptors, the caller's, or -1. */
static ssize_t receive(int fd, struct gate_request *ret_request, int ret_descriptors[GATE_DESCRIPTORS])
{
	struct iovec data = { ret_request, sizeof(*ret_request) };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(GATE_DESCRIPTORS * sizeof(int))];
	} control = {};
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	memset(ret_descriptors, -1, GATE_DESCRIPTORS * sizeof(*ret_descriptors));
	if (got >= 0)
		descriptors_of(&message, ret_descriptors);
	return got;
}

static void close_all(const int descriptors[GATE_DESCRIPTORS])
{
	for (int i = 0; i < GATE_DESCRIPTORS; i++)
		if (descriptors[i] >= 0)
			close(descriptors[i]);
}

static void attend(struct gate *gate, struct guest *guest, const char *fault)
{
	struct gate_request request;
	struct gate_answer answer = {};
	int descriptors[GATE_DESCRIPTORS];
	ssize_t got = receive(guest->fd, &request, descriptors);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		close_all(descriptors);	/* of a message of no bytes */
		dismiss(guest);
		return;
	}
	request.tag[sizeof(request.tag) - 1] = 0;
	if (got != sizeof(request) || request.version != GATE_VERSION || request.verb > GATE_END ||
	    request.mode > MODE_ENFORCE)
		refuse(&answer, -EPROTO, "do both come from the same package?",
		       "the daemon does not understand this ringfence");
	else if (request.verb == GATE_TAG)
		let_in(gate, guest, &request, descriptors, fault, &answer);
	else
		tell_end(gate, guest, &request, &answer);
	close_all(descriptors);
	if (send(guest->fd, &answer, sizeof(answer), MSG_NOSIGNAL | MSG_DONTWAIT) != sizeof(answer))
		dismiss(guest);
}

void gate_serve(struct gate *gate, const char *fault)
{
	welcome(gate);
	for (size_t i = 0; i < GUESTS_MAX; i++)
		if (gate->guests[i].fd >= 0)
			attend(gate, &gate->guests[i], fault);
}

/* --- opening and closing -------------------------------------------------------------------- */

static int listen_here(void)
{
	const struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = PATH_GATE };
	const struct group *group = getgrnam(GATE_GROUP);
	int err, fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	err = path_make(PATH_RUN);
	unlink(PATH_GATE);
	if (!err && (bind(fd, (const struct sockaddr *)&name, sizeof(name)) ||
		     chown(PATH_GATE, 0, group ? group->gr_gid : 0) || chmod(PATH_GATE, 0660) ||
		     listen(fd, SOMAXCONN)))
		err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

int gate_open(int fd, struct fence *fence, struct collector *collector, struct gate **ret_gate)
{
	struct gate *gate = calloc(1, sizeof(*gate));

	if (!gate)
		return -ENOMEM;
	gate->fence = fence;
	gate->collector = collector;
	gate->own_socket = fd < 0;
	gate->fd = fd < 0 ? listen_here() : fd;
	for (size_t i = 0; i < GUESTS_MAX; i++)
		gate->guests[i].fd = -1;
	if (gate->fd < 0) {
		int err = gate->fd;

		free(gate);
		return err;
	}
	fcntl(gate->fd, F_SETFL, O_NONBLOCK);
	*ret_gate = gate;
	return 0;
}

void gate_close(struct gate *gate)
{
	if (!gate)
		return;
	for (size_t i = 0; i < GUESTS_MAX; i++)
		if (gate->guests[i].fd >= 0)
			dismiss(&gate->guests[i]);
	close(gate->fd);
	if (gate->own_socket)
		unlink(PATH_GATE);
	free(gate);
}
