/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/parse.h"
#include "policy/policy.h"

struct parsed {
	struct diags diags;
	struct source source;
	struct tree *tree;
	int result;
};

static struct parsed parse_bytes(const char *text, size_t size)
{
	struct parsed parsed = { 0 };

	parsed.source = source_make(diags_file(&parsed.diags, "t.yaml"), text, size);
	parsed.result = tree_parse(&parsed.source, &parsed.diags, &parsed.tree);
	return parsed;
}

static struct parsed parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

static void release(struct parsed *parsed)
{
	tree_free(parsed->tree);
	diags_free(&parsed->diags);
}

static void assert_place(const struct node *node, unsigned int line, unsigned int col,
			 unsigned int len)
{
	assert_int_equal(node->line, line);
	assert_int_equal(node->col, col);
	assert_int_equal(node->len, len);
}

/* The first fault of a text, and where. */
static void assert_fault(const char *text, size_t size, unsigned int line, unsigned int col,
			 const char *message)
{
	struct parsed parsed = parse_bytes(text, size);

	assert_true(parsed.diags.errors > 0);
	assert_non_null(strstr(parsed.diags.list[0].message, message));
	assert_int_equal(parsed.diags.list[0].where.line, line);
	assert_int_equal(parsed.diags.list[0].where.col, col);
	release(&parsed);
}
#define ASSERT_FAULT(text, line, col, message) \
	assert_fault(text, sizeof(text) - 1, line, col, message)

static void test_tree(void **state)
{
	struct parsed parsed = parse("a: 1\nb:\n  - x\n  - 'y z'\nc: {d: [], e: ~}\n");
	const struct node *root, *a, *b, *c;

	(void)state;
	assert_int_equal(parsed.result, 0);
	root = tree_root(parsed.tree);
	assert_int_equal(root->kind, NODE_MAP);
	assert_int_equal(root->count, 3);
	a = root->first;
	b = a->next;
	c = b->next;
	assert_ptr_equal(root->last, c);
	assert_null(c->next);
	assert_string_equal(a->value->text, "1");
	assert_true(a->value->plain);
	assert_place(a, 1, 1, 1);
	assert_place(a->value, 1, 4, 1);
	assert_int_equal(b->value->kind, NODE_LIST);
	assert_int_equal(b->value->count, 2);
	assert_string_equal(b->value->last->text, "y z");
	assert_false(b->value->last->plain);
	assert_place(b->value->last, 4, 5, 5);
	assert_int_equal(c->value->count, 2);
	assert_int_equal(c->value->first->value->kind, NODE_LIST);
	assert_int_equal(c->value->first->value->count, 0);
	assert_string_equal(c->value->last->value->text, "~");
	release(&parsed);
}

static void test_columns_count_bytes(void **state)
{
	/* umlauts of two bytes, kana of three, an emoji of four, and tabs between tokens */
	struct parsed parsed = parse("\"\xc3\xb6\xc3\xa4\": x\n"
				     "\xe3\x83\x86: [\xf0\x9f\x98\x80,\t\ty] # \xc3\xb6\n"
				     "last: z\n");
	const struct node *key;

	(void)state;
	assert_int_equal(parsed.result, 0);
	key = tree_root(parsed.tree)->first;
	assert_place(key, 1, 1, 6);
	assert_place(key->value, 1, 9, 1);
	key = key->next;
	assert_place(key, 2, 1, 3);
	assert_place(key->value->first, 2, 7, 4);
	assert_place(key->value->last, 2, 14, 1);
	assert_place(key->next, 3, 1, 4);
	assert_place(key->next->value, 3, 7, 1);
	release(&parsed);
}

static void test_line_ends(void **state)
{
	struct parsed parsed = parse("a: 1\r\nb: 2\r\n\r\nc: 3");
	const struct node *key;

	(void)state;
	assert_int_equal(parsed.result, 0);
	key = tree_root(parsed.tree)->first->next;
	assert_place(key, 2, 1, 1);
	assert_string_equal(key->value->text, "2");
	assert_place(key->next, 4, 1, 1);
	assert_place(key->next->value, 4, 4, 1);
	release(&parsed);
}

/* U+2028 ends a line for YAML 1.1, and not for an editor, whose numbers are wanted. */
static void test_line_separators_are_no_lines(void **state)
{
	struct parsed parsed = parse("a: 1 #\xe2\x80\xa8" "b: 2\nc: 3\n");

	(void)state;
	assert_int_equal(parsed.result, 0);
	assert_place(tree_root(parsed.tree)->first->next, 1, 10, 1);
	assert_place(tree_root(parsed.tree)->last, 2, 1, 1);
	release(&parsed);
}

static void test_byte_order_mark(void **state)
{
	struct parsed parsed = parse("\xef\xbb\xbf" "a: 1\nb: 2\n");

	(void)state;
	assert_int_equal(parsed.result, 0);
	assert_place(tree_root(parsed.tree)->first, 1, 1, 1);
	assert_place(tree_root(parsed.tree)->last, 2, 1, 1);
	release(&parsed);
	ASSERT_FAULT("a: \xef\xbb\xbf", 1, 4, "control characters");
}

static void test_many_lines_of_one_text(void **state)
{
	/* \xc3\xa9 moves bytes from characters; each place is far from the last known step */
	char *text = malloc(1000000);
	size_t size = 0;
	unsigned int line = 0;
	struct parsed parsed;

	(void)state;
	assert_non_null(text);
	for (int i = 0; i < 20000; i++)
		size += (size_t)sprintf(text + size, "- {\xc3\xa9%d: v%d}\n", i, i);
	parsed = parse_bytes(text, size);
	assert_int_equal(parsed.result, 0);
	for (const struct node *item = tree_root(parsed.tree)->first; item; item = item->next) {
		const struct node *key = item->first;

		line++;
		assert_place(key, line, 4, (unsigned int)key->size);
		assert_place(key->value, line, 6 + (unsigned int)key->size,
			     (unsigned int)key->value->size);
	}
	assert_int_equal(line, 20000);
	release(&parsed);
	free(text);
}

static void test_underlines_stay_in_their_line(void **state)
{
	struct parsed parsed = parse("a: \"one\n  two\"\nb: |\n  text\n  more\nc: d\n");
	const struct node *key;

	(void)state;
	assert_int_equal(parsed.result, 0);
	key = tree_root(parsed.tree)->first;
	assert_place(key->value, 1, 4, 4);
	assert_string_equal(key->value->text, "one two");
	assert_place(key->next->value, 3, 4, 1);
	assert_string_equal(key->next->value->text, "text\nmore\n");
	release(&parsed);
}

static void test_zero_in_a_scalar(void **state)
{
	struct parsed parsed = parse("a: \"x\\0y\"\n");
	const struct node *value;

	(void)state;
	assert_int_equal(parsed.result, 0);
	value = tree_root(parsed.tree)->first->value;
	assert_int_equal(value->size, 3);
	assert_memory_equal(value->text, "x\0y", 4);
	release(&parsed);
}

static void test_properties_are_faults(void **state)
{
	struct parsed parsed = parse("a: &x 1\nb: *x\nc: !t 2\nd: &y [3]\ne: !!map {f: 4}\ng: 5\n");
	const struct node *root;

	(void)state;
	assert_int_equal(parsed.result, 0);
	assert_int_equal(parsed.diags.errors, 5);
	root = tree_root(parsed.tree);
	assert_int_equal(root->count, 6);
	assert_string_equal(root->first->value->text, "1");
	assert_int_equal(root->first->next->value->kind, NODE_BAD);
	assert_string_equal(root->last->value->text, "5");
	release(&parsed);
}

static void test_depth(void **state)
{
	struct parsed parsed = parse("[[[[[[[[[[[[[[[[a]]]]]]]]]]]]]]]]");
	char *deep = malloc(POLICY_TEXT_MAX);

	(void)state;
	assert_non_null(deep);
	assert_int_equal(POLICY_DEPTH_MAX, 16);
	assert_int_equal(parsed.result, 0);
	release(&parsed);
	ASSERT_FAULT("[[[[[[[[[[[[[[[[[a]]]]]]]]]]]]]]]]]", 1, 17, "more than 16");
	ASSERT_FAULT("a:\n - - - - - - - - - - - - - - - - - b\n", 2, 32, "more than 16");
	memset(deep, '[', POLICY_TEXT_MAX);
	assert_fault(deep, POLICY_TEXT_MAX, 1, 17, "more than 16");
	memset(deep, '{', POLICY_TEXT_MAX);
	assert_fault(deep, POLICY_TEXT_MAX, 1, 17, "more than 16");
	free(deep);
}

static void test_not_text(void **state)
{
	(void)state;
	ASSERT_FAULT("a: 1\nb: \0", 2, 4, "byte 0x00");
	ASSERT_FAULT("a: \x1b[31m", 1, 4, "byte 0x1b");
	ASSERT_FAULT("\x7f" "ELF", 1, 1, "byte 0x7f");
	ASSERT_FAULT("a: \xc3\xb6\xc3", 1, 6, "0xc3 is not valid UTF-8");
	ASSERT_FAULT("a\n\xc0\x80", 2, 1, "0xc0 is not valid UTF-8");	/* overlong */
	ASSERT_FAULT("\xed\xa0\x80", 1, 1, "0xed is not valid UTF-8");	/* surrogate */
	ASSERT_FAULT("\xf4\x90\x80\x80", 1, 1, "0xf4 is not valid UTF-8"); /* past the last */
	ASSERT_FAULT("\xff\xfe" "a\0", 1, 1, "0xff is not valid UTF-8");	/* UTF-16 */
	ASSERT_FAULT("a: \xc2\x9b", 1, 4, "control");
}

static void test_nothing_there(void **state)
{
	(void)state;
	ASSERT_FAULT("", 0, 0, "empty");
	ASSERT_FAULT("\n\n  # comment", 0, 0, "blanks and comments");
	ASSERT_FAULT("...\n", 0, 0, "empty");
	ASSERT_FAULT("\xef\xbb\xbf", 0, 0, "empty");
	ASSERT_FAULT("\xc2\x85", 0, 0, "empty");
}

static void test_one_document(void **state)
{
	struct parsed parsed = parse("# before\n---\na: 1\n...\n# after\n\n");

	(void)state;
	assert_int_equal(parsed.result, 0);
	assert_int_equal(parsed.diags.errors, 0);
	release(&parsed);
	ASSERT_FAULT("a: 1\n---\nb: 2\n", 2, 1, "after the end");
	ASSERT_FAULT("a: 1\n...\nb: 2\n", 3, 1, "after the end");
	ASSERT_FAULT("{a: 1} b", 1, 8, "after the end");
	ASSERT_FAULT("\xc3\xb6: 1\n...\n \xc3\xb6", 3, 2, "after the end");
}

/* libyaml compares each directive with all before: a megabyte of them would take seconds. */
static void test_directives(void **state)
{
	char *text = malloc(POLICY_TEXT_MAX);
	size_t size = 0;

	(void)state;
	assert_non_null(text);
	ASSERT_FAULT("# x\n\n%YAML 1.1\n---\na: 1\n", 3, 1, "directives");
	size += (size_t)sprintf(text, "a: 1\n...\n");
	for (int i = 0; size < POLICY_TEXT_MAX - 64; i++)
		size += (size_t)sprintf(text + size, "%%TAG !%d! t\n", i);
	assert_fault(text, size, 3, 1, "after the end");
	assert_fault(text + 9, size - 9, 1, 1, "directives");
	free(text);
}

static void test_syntax(void **state)
{
	struct parsed parsed = parse("a: [1, 2\nb: 3\n");

	(void)state;
	assert_int_equal(parsed.result, -EINVAL);
	assert_null(parsed.tree);
	assert_int_equal(parsed.diags.errors, 1);
	assert_non_null(strstr(parsed.diags.list[0].message, "begins at 1:4"));
	release(&parsed);
	ASSERT_FAULT("a:\n\tb: 1\n", 2, 1, "cannot start any token");
	ASSERT_FAULT("\xc3\xb6: [\xc3\xb6, @x]", 1, 10, "cannot start any token");
	ASSERT_FAULT("a: \"x\n", 2, 1, "end of stream");
}

static void test_size(void **state)
{
	char *text = malloc(POLICY_TEXT_MAX + 1);
	struct parsed parsed;

	(void)state;
	assert_non_null(text);
	memset(text, '#', POLICY_TEXT_MAX + 1);
	memcpy(text, "a: 1\n", 5);
	parsed = parse_bytes(text, POLICY_TEXT_MAX);
	assert_int_equal(parsed.result, 0);
	release(&parsed);
	assert_fault(text, POLICY_TEXT_MAX + 1, 0, 0, "larger than");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_columns_count_bytes),
		cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_line_separators_are_no_lines),
		cmocka_unit_test(test_byte_order_mark),
		cmocka_unit_test(test_many_lines_of_one_text),
		cmocka_unit_test(test_underlines_stay_in_their_line),
		cmocka_unit_test(test_zero_in_a_scalar),
		cmocka_unit_test(test_properties_are_faults),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_not_text),
		cmocka_unit_test(test_nothing_there),
		cmocka_unit_test(test_one_document),
		cmocka_unit_test(test_directives),
		cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_size),
	};

	return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
