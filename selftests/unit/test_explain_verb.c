/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The verb `ringfence explain`, in a child of its own: what programs read has the same keys and types whatever
 * the answer, and of waivers it says what decide_waiver.h does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "userspace/verbs/verbs.h"

static char folder[] = "/tmp/ringfence-explain-XXXXXX", before[4096];

/* The last day of a waiver, so many days from now. */
struct day {
	char text[16];
};

static struct day day_in(int days)
{
	time_t then = time(NULL) + days * (time_t)(24 * 60 * 60);
	struct day day;
	struct tm tm;

	strftime(day.text, sizeof(day.text), "%Y-%m-%d", gmtime_r(&then, &tm));
	return day;
}

static int make_file(const char *name, mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT, mode);

	return fd < 0 || close(fd);
}

static int make_socket(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, name);
	return fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || close(fd);
}

static int make_policy(void)
{
	FILE *out = fopen("p.yaml", "w");

	if (!out)
		return -1;
	fprintf(out,
		"tag: t\n"
		"mode: enforce\n"
		"services:\n"
		"  site: {nets: [192.0.2.0/24], ports: [53/udp, 443]}\n"
		"  secret: {files: [%1$s/secret, %1$s/late/]}\n"
		"  tools: {files: [%1$s/tool], execs: [%1$s/tool]}\n"
		"  reading: {files: [%1$s/both]}\n"
		"  writing: {files: [%1$s/both]}\n"
		"  code: {execs: [%1$s/data]}\n"
		"  data: {files: [%1$s/data]}\n"
		"  engine: {sockets: [%1$s/socket, \"@engine\"]}\n"
		"rules:\n"
		"  - {deny: site, errno: EHOSTUNREACH, why: is down}\n"
		"  - {deny: secret, errno: EACCES}\n"
		"  - deny: tools\n"
		"  - {deny: reading, access: read}\n"
		"  - {deny: writing, access: write}\n"
		"  - {deny: code, errno: ENOENT}\n"
		"  - {deny: data, errno: EIO}\n"
		"  - deny: engine\n"
		"waivers:\n"
		"  - {service: site, exec: %1$s/sync, owner: storage-team, until: %2$s, why: is being moved}\n"
		"  - {service: site, exec: %1$s/old, owner: network-team, until: %3$s}\n"
		"  - {service: reading, exec: %1$s/sync, owner: storage-team, until: %2$s}\n"
		"  - {service: secret, exec: %1$s/sync, owner: storage-team, until: %2$s}\n"
		"  - {service: data, exec: %1$s/sync, owner: storage-team, until: %2$s}\n"
		"  - {service: engine, exec: %1$s/sync, owner: storage-team, until: %2$s}\n",
		folder, day_in(100).text, day_in(-100).text);
	return fclose(out);
}

static int begin(void **state)
{
	(void)state;
	if (!getcwd(before, sizeof(before)) || !mkdtemp(folder) || chdir(folder))
		return -1;
	return make_file("secret", 0600) || make_file("tool", 0755) || make_file("both", 0600) ||
	       make_file("data", 0755) || make_file("plain", 0644) || make_file("sync", 0755) || mkdir("late", 0755) ||
	       symlink("secret", "link") || symlink("sync", "alias") || symlink("late", "latelink") ||
	       make_socket("socket") || make_policy();
}

static int finish(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return chdir(before) || system(command);
}

/* --- asking --------------------------------------------------------------------------------- */

struct told {
	int code;
	char out[16384], err[4096];
};

static void slurp(FILE *file, char *text, size_t size)
{
	rewind(file);
	text[fread(text, 1, size - 1, file)] = 0;
	fclose(file);
}

static struct told run(const char *const *words)
{
	const char *argv[16] = { "explain", "--policy", "p.yaml" };
	FILE *out = tmpfile(), *err = tmpfile();
	int status, argc = 3;
	struct told told;
	pid_t pid;

	assert_true(out && err);
	while (*words)
		argv[argc++] = *words++;
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(fileno(out), STDOUT_FILENO);
		dup2(fileno(err), STDERR_FILENO);
		exit(explain_main(argc, (char **)argv));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	told.code = WEXITSTATUS(status);
	slurp(out, told.out, sizeof(told.out));
	slurp(err, told.err, sizeof(told.err));
	return told;
}
#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })

/* --- the keys ------------------------------------------------------------------------------- */

/* A key and what it may be: s a string, b true or false, a an array, o an object; a ? allows null. */
struct key {
	const char *name, *types;
};

static const struct key answer_keys[] = {
	{ "question", "s" }, { "object", "s" }, { "as", "s?" }, { "as_note", "s?" }, { "tag", "s" },
	{ "mode", "s" }, { "verdict", "s" }, { "errno", "s?" }, { "recorded", "b" }, { "unrecorded", "s?" },
	{ "service", "s?" }, { "rule", "s?" }, { "where", "s?" }, { "why", "s?" }, { "reason", "s?" },
	{ "note", "s?" }, { "waived", "o?" }, { "waivers", "a" }, { "considered", "a" },
	{ "considered_note", "s?" }, {},
};

static const struct key waived_keys[] = {
	{ "service", "s" }, { "rule", "s" }, { "where", "s" }, { "verdict", "s" }, { "errno", "s?" }, {},
};

static const struct key waiver_keys[] = {
	{ "service", "s" }, { "exec", "s" }, { "owner", "s" }, { "why", "s?" }, { "until", "s" }, { "expired", "b" },
	{ "applied", "b" }, { "verdict", "s" }, { "note", "s?" }, { "where", "s" }, {},
};

static const struct key considered_keys[] = {
	{ "service", "s?" }, { "entry", "s" }, { "entry_where", "s?" }, { "rule", "s?" }, { "where", "s?" },
	{ "verdict", "s" }, { "matches", "b" }, { "wins", "b" }, { "why", "s" }, {},
};

static bool is_of(const json_t *value, const char *types)
{
	for (; *types; types++)
		if ((*types == 's' && json_is_string(value)) || (*types == 'b' && json_is_boolean(value)) ||
		    (*types == 'a' && json_is_array(value)) || (*types == 'o' && json_is_object(value)) ||
		    (*types == '?' && json_is_null(value)))
			return true;
	return false;
}

/* Those keys, of those types, and no others. */
static void assert_keys(const json_t *json, const struct key *keys)
{
	size_t count = 0;

	assert_true(json_is_object(json));
	for (; keys[count].name; count++)
		if (!is_of(json_object_get(json, keys[count].name), keys[count].types))
			fail_msg("%s: expected one of %s", keys[count].name, keys[count].types);
	assert_int_equal(json_object_size(json), count);
}

static void assert_schema(const json_t *json)
{
	const json_t *item;
	size_t i;

	assert_keys(json, answer_keys);
	if (json_is_object(json_object_get(json, "waived")))
		assert_keys(json_object_get(json, "waived"), waived_keys);
	json_array_foreach(json_object_get(json, "waivers"), i, item)
		assert_keys(item, waiver_keys);
	json_array_foreach(json_object_get(json, "considered"), i, item)
		assert_keys(item, considered_keys);
}

static json_t *ask(const char *const *words)
{
	struct told told = run(words);
	json_error_t fault;
	json_t *json = json_loads(told.out, 0, &fault);

	assert_int_equal(told.code, 0);
	if (!json)
		fail_msg("line %d: %s", fault.line, fault.text);
	assert_schema(json);
	return json;
}
#define ASK(...) ask((const char *const[]){ "--json", __VA_ARGS__, NULL })

static const char *string_at(const json_t *json, const char *key)
{
	const char *string = json_string_value(json_object_get(json, key));

	return string ? string : "";
}

static const json_t *waiver_at(const json_t *json, size_t i)
{
	return json_array_get(json_object_get(json, "waivers"), i);
}

static size_t waiver_count(const json_t *json)
{
	return json_array_size(json_object_get(json, "waivers"));
}

static void assert_verdict(json_t *json, const char *verdict, const char *err)
{
	assert_string_equal(string_at(json, "verdict"), verdict);
	assert_string_equal(string_at(json, "errno"), err);
	json_decref(json);
}

/* --- the tests ------------------------------------------------------------------------------ */

static void test_every_answer_has_the_keys(void **state)
{
	(void)state;
	assert_verdict(ASK("connect", "192.0.2.1:443"), "deny", "EHOSTUNREACH");
	assert_verdict(ASK("connect", "192.0.2.1"), "deny", "EHOSTUNREACH");
	assert_verdict(ASK("connect", "[2001:db8::1]:443"), "allow", "");
	assert_verdict(ASK("--access", "write", "open", "secret"), "deny", "EACCES");
	assert_verdict(ASK("open", "plain"), "allow", "");
	assert_verdict(ASK("exec", "./tool"), "deny", "EPERM");
	assert_verdict(ASK("connect", "@engine"), "deny", "EPERM");
	assert_verdict(ASK("connect", "./socket"), "deny", "EPERM");
	assert_verdict(ASK("connect", "/run/docker.sock"), "audit", "");
	assert_verdict(ASK("--as", "sync", "connect", "192.0.2.1:443"), "audit", "");
	assert_verdict(ASK("open", "/nowhere/\xff\x1b[1m"), "allow", "");
}

static void test_waivers_are_listed(void **state)
{
	json_t *json = ASK("connect", "192.0.2.1:443");
	const json_t *valid = waiver_at(json, 0), *expired = waiver_at(json, 1);

	(void)state;
	assert_int_equal(waiver_count(json), 2);
	assert_true(json_is_null(json_object_get(json, "waived")));
	assert_non_null(strstr(string_at(valid, "exec"), "/sync"));
	assert_string_equal(string_at(valid, "owner"), "storage-team");
	assert_string_equal(string_at(valid, "until"), day_in(100).text);
	assert_string_equal(string_at(valid, "why"), "is being moved");
	assert_string_equal(string_at(valid, "where"), "p.yaml:22");
	assert_string_equal(string_at(valid, "verdict"), "audit");
	assert_true(json_is_false(json_object_get(valid, "expired")));
	assert_true(json_is_false(json_object_get(valid, "applied")));
	assert_non_null(strstr(string_at(expired, "exec"), "/old"));
	assert_string_equal(string_at(expired, "until"), day_in(-100).text);
	assert_string_equal(string_at(expired, "verdict"), "deny");
	assert_true(json_is_true(json_object_get(expired, "expired")));
	json_decref(json);
}

/* One of another service is no way through, and where nothing is denied there is none. */
static void test_waivers_of_others_are_not(void **state)
{
	json_t *json = ASK("connect", "192.0.2.1:80");

	(void)state;
	assert_int_equal(waiver_count(json), 0);
	assert_verdict(json, "allow", "");
	json = ASK("exec", "tool");
	assert_int_equal(waiver_count(json), 0);
	assert_verdict(json, "deny", "EPERM");
}

static void test_as(void **state)
{
	json_t *json = ASK("--as", "alias", "connect", "192.0.2.1:443");
	const json_t *waived = json_object_get(json, "waived");

	(void)state;
	assert_non_null(strstr(string_at(json, "as"), "/sync"));
	assert_string_equal(string_at(json, "rule"), "waiver site (storage-team)");
	assert_string_equal(string_at(json, "why"), "is being moved");
	assert_string_equal(string_at(waived, "rule"), "deny site");
	assert_string_equal(string_at(waived, "errno"), "EHOSTUNREACH");
	assert_true(json_is_true(json_object_get(waiver_at(json, 0), "applied")));
	assert_verdict(json, "audit", "");

	json = ASK("--as", "./old", "connect", "192.0.2.1:443");
	assert_true(json_is_null(json_object_get(json, "waived")));
	assert_true(json_is_true(json_object_get(waiver_at(json, 1), "expired")));
	assert_true(json_is_false(json_object_get(waiver_at(json, 1), "applied")));
	assert_verdict(json, "deny", "EHOSTUNREACH");

	json = ASK("--as", "tool", "connect", "192.0.2.1:443");
	assert_string_equal(string_at(json, "as_note"), "no waiver of this policy is for it");
	assert_int_equal(waiver_count(json), 2);
	assert_verdict(json, "deny", "EHOSTUNREACH");

	json = ASK("--as", "sync", "exec", "tool");
	assert_string_equal(string_at(json, "as_note"), "its waiver changes nothing here");
	assert_verdict(json, "deny", "EPERM");
	assert_verdict(ASK("--as", "sync", "connect", "@engine"), "audit", "");
	assert_verdict(ASK("--as", "sync", "open", "late/not-yet"), "audit", "");
}

/* Of two classes that deny, each is waived by itself: what one denies holds when the other is waived. */
static void test_both_classes_deny(void **state)
{
	json_t *json = ASK("open", "data");

	(void)state;
	assert_int_equal(waiver_count(json), 1);
	assert_string_equal(string_at(waiver_at(json, 0), "verdict"), "deny");
	assert_verdict(json, "deny", "EIO");
	json = ASK("--as", "sync", "open", "data");
	assert_string_equal(string_at(json, "rule"), "deny code");
	assert_string_equal(string_at(json_object_get(json, "waived"), "rule"), "deny data");
	assert_verdict(json, "deny", "ENOENT");
	assert_verdict(ASK("--as", "sync", "--access", "write", "open", "data"), "audit", "");
}

/* A waiver that is for one of two rules does not help who opens for both. */
static void test_one_access(void **state)
{
	json_t *json = ASK("open", "both");

	(void)state;
	assert_non_null(strstr(string_at(waiver_at(json, 0), "note"), "for reading and writing at once"));
	json_decref(json);
	json = ASK("open", "secret");
	assert_int_equal(waiver_count(json), 1);
	assert_true(json_is_null(json_object_get(waiver_at(json, 0), "note")));
	json_decref(json);
}

static void assert_told(struct told told, int code, const char *out, const char *err)
{
	assert_int_equal(told.code, code);
	if (!strstr(told.out, out))
		fail_msg("expected %s in\n%s", out, told.out);
	if (!strstr(told.err, err))
		fail_msg("expected %s in\n%s", err, told.err);
}

static void test_text(void **state)
{
	(void)state;
	assert_told(RUN("connect", "192.0.2.1:443"), 0, "/sync and what it starts, until ", "");
	assert_told(RUN("connect", "192.0.2.1:443"), 0, "; owner storage-team (p.yaml:22)\n", "");
	assert_told(RUN("connect", "192.0.2.1:443"), 0, "  waiver   expired: for ", "");
	assert_told(RUN("--as", "sync", "connect", "192.0.2.1:443"), 0,
		    "  waived   deny site (p.yaml:13), with EHOSTUNREACH\n  waiver   applied: for ", "");
	assert_told(RUN("open", "data"), 0, "  waiver   not enough, since another rule denies: for ", "");
	assert_told(RUN("open", "both"), 0, "opened for reading and writing at once, nothing is waived", "");
}

static void test_protocols(void **state)
{
	(void)state;
	assert_verdict(ASK("connect", "192.0.2.1:53/udp"), "deny", "EHOSTUNREACH");
	assert_verdict(ASK("connect", "192.0.2.1:53/tcp"), "allow", "");
	assert_verdict(ASK("connect", "192.0.2.1:53"), "allow", "");
	assert_verdict(ASK("--protocol", "udp", "connect", "192.0.2.1:53"), "deny", "EHOSTUNREACH");
	assert_verdict(ASK("--proto", "udp", "connect", "192.0.2.1:53/udp"), "deny", "EHOSTUNREACH");
	assert_told(RUN("--protocol", "tcp", "connect", "192.0.2.1:53/udp"), 1, "", "which of the two?");
	assert_told(RUN("--protocol", "udp", "connect", "192.0.2.1"), 1, "", "--protocol goes with a port");
	assert_told(RUN("--protocol", "udp", "open", "secret"), 1, "", "--protocol is for connect");
	assert_told(RUN("connect", "192.0.2.1:99999"), 1, "",
		    "\"99999\" is not a port; ports are numbers from 0 to 65535");
}

static void test_paths(void **state)
{
	(void)state;
	assert_told(RUN("open", "link"), 0, "/secret for reading\n  verdict  deny with EACCES", "");
	assert_told(RUN("open", "latelink/new"), 0, "/late/new for reading\n  verdict  deny with EACCES",
		    "does not exist here");
	assert_told(RUN("--access", "write", "open", "plain/"), 1, "", "Not a directory");
	assert_told(RUN("open", "new/../secret"), 1, "", "leads through a folder that is not there");
	assert_told(RUN("open", ""), 1, "", "expected a path, found nothing");
	assert_told(RUN("exec", "sh"), 1, "", "programs are not searched for: write /");
	assert_told(RUN("exec", "late"), 1, "", "is a directory: nothing executes it");
	assert_told(RUN("exec", "./plain"), 0, "verdict  allow", "is not executable here");
	assert_told(RUN("connect", "./plain"), 0, "audit sockets-in-tmp", "is no socket here");
	assert_told(RUN("connect", "@"), 1, "", "expected an abstract name behind the @");
	assert_told(RUN("--as", "late", "open", "plain"), 1, "", "is a directory, not a program");
	assert_told(RUN("oepn", "plain"), 1, "", "expected connect, open or exec");
	assert_told(RUN("--access", "write", "exec", "tool"), 1, "", "--access is for open");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_answer_has_the_keys),
		cmocka_unit_test(test_waivers_are_listed),
		cmocka_unit_test(test_waivers_of_others_are_not),
		cmocka_unit_test(test_as),
		cmocka_unit_test(test_both_classes_deny),
		cmocka_unit_test(test_one_access),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_protocols),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests_name("explain verb", tests, begin, finish);
}
