/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "userspace/base/text.h"

#define FFFD "\xef\xbf\xbd"

static void expect_text(struct text *text, const char *expected)
{
	text_append(text, "", 1);
	assert_false(text->failed);
	assert_string_equal(text->data, expected);
	text_free(text);
}

static void cleans_what_is_no_utf8(void **state)
{
	static const struct {
		const char *bytes, *clean;
	} cases[] = {
		{ "plain", "plain" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		{ "\xf0\x9f\x9a\x80", "\xf0\x9f\x9a\x80" },
		{ "a\xff" "b", "a" FFFD "b" },
		{ "\xc3", FFFD },
		{ "\xe2\x82", FFFD },			/* one maximal subpart */
		{ "\xe2\x28\xa1", FFFD "(" FFFD },
		{ "\xc0\xaf", FFFD FFFD },		/* overlong */
		{ "\xe0\x80\xaf", FFFD FFFD FFFD },
		{ "\xed\xa0\x80", FFFD FFFD FFFD },	/* a surrogate */
		{ "\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD },	/* past U+10FFFF */
		{ "\xf0\x9f\x9ax", FFFD "x" },
		{ "\x80\x80", FFFD FFFD },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct text text = { 0 };
		unsigned int flags = text_clean(&text, cases[i].bytes, strlen(cases[i].bytes));

		assert_int_equal(flags, strcmp(cases[i].bytes, cases[i].clean) ? TEXT_NOT_UTF8 : 0);
		expect_text(&text, cases[i].clean);
	}
}

/* Our idea of UTF-8 is that of the library which will read the log, for every short sequence. */
static void agrees_with_jansson(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 1 << 16; i++) {
		char bytes[4] = { i >> 8, i, (char)0x80, (char)0xbf };
		size_t used, at = 0;
		json_t *json = json_stringn(bytes, sizeof(bytes));

		while (at < sizeof(bytes) && text_next(bytes + at, sizeof(bytes) - at, &used) >= 0)
			at += used;
		if ((at == sizeof(bytes)) != (json != NULL))
			fail_msg("%02x %02x 80 bf", i >> 8, i & 0xff);
		json_decref(json);
	}
}

static void cuts_between_characters(void **state)
{
	(void)state;
	assert_int_equal(text_cut("abc", 3, 5), 3);
	assert_int_equal(text_cut("abc", 3, 2), 2);
	assert_int_equal(text_cut("a\xc3\xbc", 3, 2), 1);
	assert_int_equal(text_cut("a\xf0\x9f\x9a\x80", 5, 4), 1);
	assert_int_equal(text_cut("\x80\x80\x80\x80\x80\x80", 6, 5), 5);
	assert_int_equal(text_cut("abc", 3, 0), 0);
}

static void shows_nothing_a_terminal_obeys(void **state)
{
	static const char evil[] = "a\033[2J\r\n\x7f\xc2\x9b" "b\xe2\x80\xae" "c\\\xff\xc3\xbc";
	struct text text = { 0 };

	(void)state;
	text_printable(&text, evil, sizeof(evil) - 1);
	expect_text(&text, "a\\x1b[2J\\x0d\\x0a\\x7f\\u009bb\\u202ec\\\\\\xff\xc3\xbc");
}

static void shows_json_that_means_the_same(void **state)
{
	static const char line[] = "{\"a\":\"x\\u001b\x7f\xc2\x9b\xe2\x80\xae\xc3\xbc\"}";
	struct text text = { 0 };
	json_t *before = json_loads(line, 0, NULL), *after;

	(void)state;
	text_printable_json(&text, line, strlen(line));
	after = json_loadb(text.data, text.size, 0, NULL);
	assert_non_null(before);
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
	expect_text(&text, "{\"a\":\"x\\u001b\\u007f\\u009b\\u202e\xc3\xbc\"}");
}

/* argv is written with '|' between arguments. */
struct redaction {
	const char *argv, *expected;
};

static void expect_redaction(const struct redaction *redaction, bool cut)
{
	size_t size = strlen(redaction->argv) + 1;
	struct text text = { 0 };
	char *argv = malloc(size);
	unsigned int count, flags;

	memcpy(argv, redaction->argv, size);
	for (char *c = argv; *c; c++)
		*c = *c == '|' ? 0 : *c;
	flags = text_argv(&text, argv, cut ? size - 1 : size, cut, &count);
	free(argv);
	for (size_t i = 0; i + 1 < text.size; i++)
		text.data[i] = text.data[i] ? text.data[i] : '|';
	if (strcmp(text.data, redaction->expected))
		fail_msg("%s\n became %s\n and not %s", redaction->argv, text.data,
			 redaction->expected);
	assert_int_equal(flags & TEXT_REDACTED,
			 strcmp(redaction->argv, redaction->expected) ? TEXT_REDACTED : 0);
	text_free(&text);
}

#define TAIL20 "abcdefghij0123456789"
#define TAIL36 TAIL20 "ABCDEFGHIJ012345"

static void redacts_secrets(void **state)
{
	static const struct redaction cases[] = {
		/* userinfo */
		{ "git|clone|https://user:pass@host/x", "git|clone|https://***@host/x" },
		{ "git|clone|https://token@host/x@y", "git|clone|https://***@host/x@y" },
		{ "x|http://a:b@c@host", "x|http://***@host" },
		{ "sh|-c|curl https://a:b@h/ && curl http://c:d@h",
		  "sh|-c|curl https://***@h/ && curl http://***@h" },
		{ "x|ssh://git:pw@host/", "x|ssh://***@host/" },
		/* names */
		{ "x|--password=hunter2", "x|--password=***" },
		{ "x|--password|hunter2|more", "x|--password|***|more" },
		{ "x|--token|-abc", "x|--token|***" },
		{ "x|--api-key=a b c", "x|--api-key=***" },
		{ "x|--db_password|x", "x|--db_password|***" },
		{ "x|--SECRET=1", "x|--SECRET=***" },
		{ "x|-password|abc", "x|-password|***" },
		{ "env|GITHUB_TOKEN=abc|PGPASSWORD=x y|make",
		  "env|GITHUB_TOKEN=***|PGPASSWORD=***|make" },
		{ "x|--accessToken=abc", "x|--accessToken=***" },
		{ "docker|run|-e|AWS_SECRET_ACCESS_KEY=abc",
		  "docker|run|-e|AWS_SECRET_ACCESS_KEY=***" },
		{ "x|https://h/p?a=1&access_token=abc&b=2",
		  "x|https://h/p?a=1&access_token=***&b=2" },
		{ "sh|-c|run --token abc; x TOKEN='a b' y",
		  "sh|-c|run --token ***; x TOKEN='***' y" },
		{ "curl|-d|{\"user\":\"u\",\"password\": \"p\\\",x\"}",
		  "curl|-d|{\"user\":\"u\",\"password\": \"***\",x\"}" },
		/* headers */
		{ "curl|-H|Authorization: Bearer abc", "curl|-H|Authorization: ***" },
		{ "curl|-HAuthorization: Basic YTpi", "curl|-HAuthorization: ***" },
		{ "curl|--header|PRIVATE-TOKEN:abc", "curl|--header|PRIVATE-TOKEN:***" },
		{ "curl|-H|Cookie: a=b; c=d", "curl|-H|Cookie: ***" },
		{ "x|--auth|Bearer abcdefgh|y", "x|--auth|Bearer ***|y" },
		{ "sh|-c|curl -H 'Authorization: token x' h",
		  "sh|-c|curl -H 'Authorization: ***' h" },
		/* shapes */
		{ "x|ghp_" TAIL36, "x|ghp_***" },
		{ "x|a=github_pat_" TAIL36 ",b", "x|a=github_pat_***,b" },
		{ "x|AKIAABCDEFGHIJKLMNOP", "x|AKIA***" },
		{ "x|xoxb-1234567890-abc", "x|xoxb-***" },
		{ "x|eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln rest", "x|eyJ*** rest" },
		{ "x|/p/ghs_" TAIL36 "/y", "x|/p/ghs_***/y" },
		/* programs */
		{ "/usr/bin/curl|-u|me:pw|h", "/usr/bin/curl|-u|me:***|h" },
		{ "curl|-ume:pw|h", "curl|-ume:***|h" },
		{ "curl|--user|me:pw", "curl|--user|me:***" },
		{ "mysql|-psecret|db", "mysql|-p***|db" },
		{ "mysqldump|-psecret", "mysqldump|-p***" },
		{ "sshpass|-p|secret|ssh|h", "sshpass|-p|***|ssh|h" },
		/* and what is none */
		{ "git|clone|https://host/x", "git|clone|https://host/x" },
		{ "git|clone|ssh://git@host/x", "git|clone|ssh://git@host/x" },
		{ "x|git@github.com:a/b.git", "x|git@github.com:a/b.git" },
		{ "x|--password-file=/etc/pw|--password-stdin|y",
		  "x|--password-file=/etc/pw|--password-stdin|y" },
		{ "x|--token|--verbose|y", "x|--token|--verbose|y" },
		{ "x|compass=1|tokens=2|--bypass=3", "x|compass=1|tokens=2|--bypass=3" },
		{ "ssh|-p|22|host", "ssh|-p|22|host" },
		{ "mysql|-p|db", "mysql|-p|db" },
		{ "mkdir|-p|/a/b", "mkdir|-p|/a/b" },
		{ "curl|-u|me|h", "curl|-u|me|h" },
		{ "x|ghp_short|AKIA|eyJ|bearer of news", "x|ghp_short|AKIA|eyJ|bearer of news" },
		{ "x|--password=|y||", "x|--password=|y||" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_redaction(&cases[i], false);
}

/* Where argv was cut, the rest of what would have told is missing. */
static void redacts_secrets_cut_in_half(void **state)
{
	static const struct redaction cases[] = {
		{ "x|https://user:pas", "x|https://***" },
		{ "x|ghp_abc", "x|ghp_***" },
		{ "x|--password=ab", "x|--password=***" },
		{ "curl|-u|secre", "curl|-u|***" },
		{ "x|Bearer ab", "x|Bearer ***" },
		{ "x|https://host/p", "x|https://host/p" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_redaction(&cases[i], true);
}

static void redacts_within_what_is_no_utf8(void **state)
{
	static const char argv[] = "x\0--password=\xff\xfe\0";
	unsigned int count, flags;
	struct text text = { 0 };

	(void)state;
	flags = text_argv(&text, argv, sizeof(argv) - 1, false, &count);
	assert_int_equal(flags, TEXT_NOT_UTF8 | TEXT_REDACTED);
	assert_int_equal(count, 2);
	assert_int_equal(text.size, sizeof("x\0--password=***"));
	assert_memory_equal(text.data, "x\0--password=***", text.size);
	text_free(&text);
}

/* Random bytes: no crash, and always UTF-8. */
static void survives_anything(void **state)
{
	static const char pieces[] = "=:/@\"'-_.? &|;\\TOKENghp_eyJ//::\xc3\xff";

	(void)state;
	srandom(20270331);
	for (int round = 0; round < 20000; round++) {
		char argv[64];
		unsigned int count;
		struct text text = { 0 };
		size_t size = random() % sizeof(argv);

		for (size_t i = 0; i < size; i++)
			argv[i] = random() % 16 ? pieces[random() % sizeof(pieces)] : random();
		text_argv(&text, argv, size, round & 1, &count);
		for (size_t at = 0, used; at < text.size; at += used)
			assert_true(text_next(text.data + at, text.size - at, &used) >= 0);
		text_free(&text);
	}
}

static void formats_long_texts(void **state)
{
	struct text text = { 0 };
	char expected[301];

	(void)state;
	memset(expected, 'x', 300);
	expected[300] = 0;
	text_append_format(&text, "%s", expected);
	expect_text(&text, expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cleans_what_is_no_utf8),
		cmocka_unit_test(agrees_with_jansson),
		cmocka_unit_test(cuts_between_characters),
		cmocka_unit_test(shows_nothing_a_terminal_obeys),
		cmocka_unit_test(shows_json_that_means_the_same),
		cmocka_unit_test(redacts_secrets),
		cmocka_unit_test(redacts_secrets_cut_in_half),
		cmocka_unit_test(redacts_within_what_is_no_utf8),
		cmocka_unit_test(survives_anything),
		cmocka_unit_test(formats_long_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
