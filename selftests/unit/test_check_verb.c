/* SPDX-License-Identifier: BSD-2-Clause */
/* The verb `ringfence check` as programs read it, in a child of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>
#include <sys/wait.h>
#include <unistd.h>

#include "userspace/verbs/verbs.h"

#define WARNED "selftests/unit/lint/linked-path.yaml"
#define NOTED "selftests/unit/lint/overlap.yaml"
#define SYNTAX "selftests/unit/bad/syntax-tab.yaml"
#define SOUND "selftests/unit/good/minimal.yaml"

static char folder[] = "/tmp/ringfence-check-XXXXXX", path[64];

static int begin(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int finish(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

/* What it prints on stdout, from what is no file of its own. *ret_code: its exit code. */
static json_t *run(const char *const *argv, int *ret_code)
{
	FILE *out = tmpfile(), *err = tmpfile();
	json_error_t fault;
	json_t *json;
	int status, argc = 0;
	pid_t pid;

	assert_true(out && err);
	while (argv[argc])
		argc++;
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(fileno(out), STDOUT_FILENO);
		dup2(fileno(err), STDERR_FILENO);
		exit(check_main(argc, (char **)argv));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	*ret_code = WEXITSTATUS(status);
	rewind(out);
	json = json_loadf(out, 0, &fault);
	if (!json)
		fail_msg("line %d: %s", fault.line, fault.text);
	/* Nothing else is told. */
	assert_int_equal(fseek(err, 0, SEEK_END), 0);
	assert_int_equal(ftell(err), 0);
	fclose(out);
	fclose(err);
	return json;
}
#define RUN(ret_code, ...) run((const char *const[]){ "check", __VA_ARGS__, NULL }, ret_code)

static const char *string_at(const json_t *json, size_t i, const char *key)
{
	return json_string_value(json_object_get(json_array_get(json, i), key));
}

static json_int_t number_at(const json_t *json, size_t i, const char *key)
{
	return json_integer_value(json_object_get(json_array_get(json, i), key));
}

/* Those keys, whatever is told; strings and numbers, or null. */
static void assert_schema(const json_t *json)
{
	static const char *const strings[] = { "file", "severity", "message", "lint", "hint" };
	static const char *const numbers[] = { "line", "col", "end" };
	const json_t *item;
	size_t i;

	assert_true(json_is_array(json));
	json_array_foreach(json, i, item) {
		const json_t *line = json_object_get(item, "line");

		assert_int_equal(json_object_size(item), 8);
		for (int k = 0; k < 5; k++)
			assert_true(json_is_string(json_object_get(item, strings[k])) ||
				    (k >= 3 && json_is_null(json_object_get(item, strings[k]))));
		for (int k = 0; k < 3; k++)
			assert_true(json_is_integer(json_object_get(item, numbers[k])) ||
				    (json_is_null(line) && json_is_null(json_object_get(item, numbers[k]))));
	}
}

static void test_all_files_are_one_array(void **state)
{
	json_t *json;
	int code;

	(void)state;
	json = RUN(&code, "--json", SOUND, WARNED, SYNTAX, "/nowhere/at-all.yaml");
	assert_int_equal(code, 1);
	assert_int_equal(json_array_size(json), 6);
	assert_schema(json);
	assert_string_equal(string_at(json, 0, "file"), WARNED);
	assert_int_equal(number_at(json, 0, "line"), 4);
	assert_int_equal(number_at(json, 0, "col"), 22);
	assert_int_equal(number_at(json, 0, "end"), 22 + strlen("/var/run/docker.sock"));
	assert_string_equal(string_at(json, 0, "severity"), "warning");
	assert_string_equal(string_at(json, 0, "lint"), "linked-path");
	assert_string_equal(string_at(json, 0, "hint"), "write /run/docker.sock");
	assert_string_equal(string_at(json, 4, "file"), SYNTAX);
	assert_string_equal(string_at(json, 4, "severity"), "error");
	assert_true(json_is_null(json_object_get(json_array_get(json, 4), "lint")));
	assert_true(number_at(json, 4, "line") > 0);
	assert_string_equal(string_at(json, 5, "message"), "cannot read it: there is no such file");
	assert_true(json_is_null(json_object_get(json_array_get(json, 5), "line")));
	assert_true(json_is_null(json_object_get(json_array_get(json, 5), "end")));
	assert_true(json_is_null(json_object_get(json_array_get(json, 5), "hint")));
	json_decref(json);
}

static void test_strict(void **state)
{
	json_t *json;
	int code;

	(void)state;
	json = RUN(&code, "--json", WARNED);
	assert_int_equal(code, 0);
	json_decref(json);
	json = RUN(&code, "--json", "--strict", WARNED);
	assert_int_equal(code, 1);
	json_decref(json);
	json = RUN(&code, "--json", "--strict", SOUND);
	assert_int_equal(code, 0);
	assert_int_equal(json_array_size(json), 0);
	json_decref(json);
	/* A note is no warning. */
	json = RUN(&code, "--json", "--strict", NOTED);
	assert_int_equal(code, 0);
	assert_string_equal(string_at(json, 0, "severity"), "note");
	assert_schema(json);
	json_decref(json);
}

/* JSON is UTF-8, and a file's name and text need not be. */
static void test_bytes(void **state)
{
	json_t *json;
	FILE *out;
	int code;

	(void)state;
	snprintf(path, sizeof(path), "%s/\xff.yaml", folder);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs("tag: a\nrules:\n- deny: \"\xc2\x9b\xe2\x80\xae\"\n", out);
	assert_int_equal(fclose(out), 0);
	json = RUN(&code, "--json", path);
	assert_int_equal(code, 1);
	assert_non_null(strstr(string_at(json, 0, "file"), "/\xef\xbf\xbd.yaml"));
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_files_are_one_array),
		cmocka_unit_test(test_strict),
		cmocka_unit_test_setup_teardown(test_bytes, begin, finish),
	};

	return cmocka_run_group_tests_name("check verb", tests, NULL, NULL);
}
