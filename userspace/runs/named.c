/* SPDX-License-Identifier: BSD-2-Clause */
#include "named.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../../policy/image.h"

#define ENVIRONMENT_SHARE 16		/* of NAMED_MAX, that a script leaves to the environment */
#define LEAD 40				/* bytes before what was found, where its line is long */
#define LINE_MAX_LOOKED 65536		/* of a line: more than that is no line of a person's */

struct name {
	const char *text;
	size_t size;
};

/* What is looked for, and what was found in the line at hand. */
struct finder {
	const struct ruleset *image;
	struct name *names;		/* of services, by their first letter, without it twice */
	size_t count;
	size_t first[257];		/* names that begin with a letter: from here to the next */
	const char **found;		/* names, as they stand in the image; room for one of each */
	size_t found_count;
	size_t found_at;		/* where the first of them stands in the line */
};

/* --- what to look for ----------------------------------------------------------------------- */

static unsigned char letter(char c)
{
	return tolower((unsigned char)c);
}

static int by_text(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	unsigned char first = letter(*x->text), second = letter(*y->text);

	return first != second ? first - second : strcmp(x->text, y->text);
}

static void add_name(struct finder *finder, const char *text)
{
	if (*text)
		finder->names[finder->count++] = (struct name){ text, strlen(text) };
}

static int prepare(struct finder *finder, const struct ruleset *image)
{
	size_t room = image->rules.count + 2 * image->needs.count + 1, kept = 0, at = 0;
	struct image_need need;

	*finder = (struct finder){ .image = image };
	finder->names = calloc(room, sizeof(*finder->names));
	finder->found = calloc(room, sizeof(*finder->found));
	if (!finder->names || !finder->found)
		return -ENOMEM;
	for (uint32_t i = 0; i < image->rules.count; i++)
		add_name(finder, image_string(image, image_rule(image, i)->service));
	for (uint32_t i = 0; image_need(image, i, &need); i++) {
		add_name(finder, need.service);
		add_name(finder, need.needs);
	}
	qsort(finder->names, finder->count, sizeof(*finder->names), by_text);
	for (size_t i = 0; i < finder->count; i++)
		if (!kept || strcmp(finder->names[i].text, finder->names[kept - 1].text))
			finder->names[kept++] = finder->names[i];
	finder->count = kept;
	for (int c = 0; c <= 256; c++) {
		while (at < kept && letter(*finder->names[at].text) < c)
			at++;
		finder->first[c] = at;
	}
	return 0;
}

static void forget(struct finder *finder)
{
	free(finder->names);
	free(finder->found);
}

/* --- a line --------------------------------------------------------------------------------- */

static void note(struct finder *finder, const char *service, size_t at)
{
	for (size_t i = 0; i < finder->found_count; i++)
		if (!strcmp(finder->found[i], service))
			return;
	if (!finder->found_count)
		finder->found_at = at;
	finder->found[finder->found_count++] = service;
}

static bool is_word_char(char c)
{
	return isalnum((unsigned char)c);
}

static void find_names(struct finder *finder, const char *line, size_t size, size_t at)
{
	unsigned char c = letter(line[at]);

	for (size_t i = finder->first[c]; i < finder->first[c + 1]; i++) {
		const struct name *name = &finder->names[i];

		if (size - at >= name->size && !strncasecmp(line + at, name->text, name->size) &&
		    (size - at == name->size || !is_word_char(line[at + name->size])))
			note(finder, name->text, at);
	}
}

static bool is_address_char(char c)
{
	return isxdigit((unsigned char)c) || c == '.' || c == ':';
}

/* The port behind a colon, 0 where there is none. */
static uint16_t port_at(const char *text)
{
	unsigned long port = *text == ':' && isdigit((unsigned char)text[1]) ? strtoul(text + 1, NULL, 10) : 0;

	return port <= UINT16_MAX ? port : 0;
}

/* Reads "192.0.2.1", "192.0.2.1:443", "2001:db8::1", and "[2001:db8::1]:443" from behind the bracket. */
static bool read_address(const char *text, size_t size, const char *behind, uint8_t ret_addr[16], uint16_t *ret_port)
{
	char copy[INET6_ADDRSTRLEN + sizeof(":65535")];
	char *colon;

	while (size && (text[size - 1] == '.' || (text[size - 1] == ':' && size > 1 && text[size - 2] != ':')))
		size--;			/* of the sentence around it */
	if (size < 2 || size >= sizeof(copy))
		return false;
	memcpy(copy, text, size);
	copy[size] = 0;
	*ret_port = *behind == ']' ? port_at(behind + 1) : 0;
	if (inet_pton(AF_INET6, copy, ret_addr) == 1)
		return true;
	colon = strchr(copy, ':');
	if (colon) {
		*ret_port = port_at(colon);
		*colon = 0;
	}
	memset(ret_addr, 0, 10);
	memset(ret_addr + 10, 0xff, 2);
	return inet_pton(AF_INET, copy, ret_addr + 12) == 1;
}

/* The service whose nets the address is inside of. The strictest of all ports where none is named. */
static void find_address(struct finder *finder, const char *line, size_t size, size_t at)
{
	const struct rule *rule;
	struct decision decision;
	uint8_t addr[16];
	size_t end = at;
	char behind[8] = "";
	uint16_t port;

	while (end < size && is_address_char(line[end]))
		end++;
	memcpy(behind, line + end, size - end < sizeof(behind) - 1 ? size - end : sizeof(behind) - 1);
	if (!read_address(line + at, end - at, behind, addr, &port))
		return;
	decision = image_decide_net(finder->image, addr, port, port ? PROTO_TCP : PROTO_NONE);
	rule = image_rule(finder->image, decision.rule);
	if (rule && *image_string(finder->image, rule->service))
		note(finder, image_string(finder->image, rule->service), at);
}

static void find_in(struct finder *finder, const char *line, size_t size)
{
	finder->found_count = 0;
	for (size_t at = 0; at < size; at++) {
		char before = at ? line[at - 1] : ' ';

		if (!is_word_char(before))
			find_names(finder, line, size, at);
		if (is_address_char(line[at]) && !is_word_char(before) && !is_address_char(before))
			find_address(finder, line, size, at);
	}
}

/* --- what is told of it --------------------------------------------------------------------- */

/* Once as it stands, since quotes hold together what a header says, and once word by word, for the options
 * of programs that take passwords. */
unsigned int named_redact(struct text *out, const char *line, size_t size, bool cut)
{
	struct text whole = { 0 }, words = { 0 };
	unsigned int flags, count;

	flags = text_argv(&whole, line, size, cut, &count);
	for (size_t i = 0; i < whole.size; i++)
		if (whole.data[i] == ' ' || whole.data[i] == '\t')
			whole.data[i] = 0;
	flags |= text_argv(&words, whole.data, whole.size, cut, &count);
	if (words.size)
		words.size--;		/* the final 0 */
	for (size_t i = 0; i < words.size; i++)
		if (!words.data[i])
			words.data[i] = ' ';
	while (words.size && isspace((unsigned char)words.data[words.size - 1]))
		words.size--;
	text_append(out, words.data, words.size);
	out->failed |= whole.failed || words.failed;
	text_free(&whole);
	text_free(&words);
	return flags;
}

/* The part of a line that is shown: with what was found in it, as far as that can be told after secrets were
 * taken out. */
static json_t *excerpt(const char *text, size_t size, size_t found_at)
{
	size_t begin = 0;

	if (found_at + LEAD > NAMED_TEXT_MAX && found_at < size)
		begin = text_cut(text, size, found_at - LEAD);
	return json_stringn(text + begin, text_cut(text + begin, size - begin, NAMED_TEXT_MAX));
}

/* A place that names @service; @text is redacted. */
static json_t *describe(const char *service, const char *where, const struct text *text, size_t found_at)
{
	return json_pack("{s:s, s:s, s:o}", "service", service, "where", where,
			 "text", excerpt(text->data ? text->data : "", text->size, found_at));
}

/* --- the script ----------------------------------------------------------------------------- */

/* Appends @place where there is room for it. Returns 0 or -ENOMEM. */
static int add_place(struct named *named, json_t *place, size_t room)
{
	if (!place)
		return -ENOMEM;
	if (json_array_size(named->list) < room)
		return json_array_append_new(named->list, place) ? -ENOMEM : 0;
	named->cut = true;
	json_decref(place);
	return 0;
}

/* A line of the script; @cut: it goes on. */
struct line {
	const char *text;
	size_t size;
	json_int_t number;
	bool cut;
};

static int add_line(const struct finder *finder, const struct line *line, size_t room, struct named *named)
{
	struct text text = { 0 };
	int err = 0;

	named->text_flags |= named_redact(&text, line->text, line->size, line->cut);
	for (size_t i = 0; !err && i < finder->found_count; i++) {
		json_t *place = describe(finder->found[i], "script", &text, finder->found_at);

		if (place)
			json_object_set_new(place, "line", json_integer(line->number));
		err = add_place(named, place, room);
	}
	err = text.failed ? -ENOMEM : err;
	text_free(&text);
	return err;
}

/* What follows *@at, up to @end, without the spaces around it. */
static struct line next_line(const char **at, const char *end)
{
	const char *newline = memchr(*at, '\n', end - *at);
	struct line line = { .text = *at, };

	line.size = (newline ? newline : end) - *at;
	*at = newline ? newline + 1 : end;
	while (line.size && isspace((unsigned char)*line.text))
		line.text++, line.size--;
	if (line.size > LINE_MAX_LOOKED) {
		line.size = LINE_MAX_LOOKED;
		line.cut = true;
	}
	return line;
}

static int search_script(struct finder *finder, const struct text *lines, size_t room, struct named *named)
{
	const char *at = lines->data, *end = at + lines->size;
	int err = 0;

	for (json_int_t number = 1; !err && !named->cut && at < end; number++) {
		struct line line = next_line(&at, end);

		line.number = number;
		line.cut |= at == end && lines->size >= FACTS_SCRIPT_MAX;
		if (!line.size || *line.text == '#')
			continue;
		find_in(finder, line.text, line.size);
		if (finder->found_count)
			err = add_line(finder, &line, room, named);
	}
	return err;
}

/* --- the environment ------------------------------------------------------------------------ */

/* @variable is NAME=VALUE, and redacted as that: a name may tell that the value is a secret. */
static int add_variable(const struct finder *finder, const char *variable, struct named *named)
{
	struct text text = { 0 }, value = { 0 };
	unsigned int count;
	size_t name_size;
	int err = 0;

	named->text_flags |= text_argv(&text, variable, strlen(variable), false, &count);
	if (text.failed) {
		text_free(&text);
		return -ENOMEM;
	}
	name_size = strcspn(text.data, "=");
	value.data = text.data + name_size + (text.data[name_size] == '=');
	value.size = strlen(value.data);
	for (size_t i = 0; !err && i < finder->found_count; i++) {
		json_t *place = describe(finder->found[i], "environment", &value, finder->found_at);

		if (place)
			json_object_set_new(place, "name", json_stringn(text.data, text_cut(text.data, name_size,
											    NAMED_TEXT_MAX)));
		err = add_place(named, place, ENVIRONMENT_SHARE);
	}
	text_free(&text);
	return err;
}

static int search_environment(struct finder *finder, const struct text *environment, struct named *named)
{
	const char *at = environment->data, *end = at + environment->size;
	int err = 0;

	/* The last byte may be another's than 0 where somebody else than facts_gather() made it. */
	for (; !err && at < end && memchr(at, 0, end - at); at += strlen(at) + 1) {
		const char *value = strchr(at, '=');

		if (!value)
			continue;
		value++;
		find_in(finder, value, strnlen(value, LINE_MAX_LOOKED));
		if (finder->found_count)
			err = add_variable(finder, at, named);
	}
	return err;
}

int named_find(const struct ruleset *image, const struct facts *facts, struct named *ret_named)
{
	struct named script = { .list = json_array() }, environment = { .list = json_array() };
	struct finder finder;
	int err = prepare(&finder, image);

	if (!err)
		err = search_environment(&finder, &facts->environment, &environment);
	if (!err)
		err = search_script(&finder, &facts->lines, NAMED_MAX - json_array_size(environment.list), &script);
	if (!err && json_array_extend(script.list, environment.list))
		err = -ENOMEM;
	script.cut |= environment.cut;
	script.text_flags |= environment.text_flags;
	json_decref(environment.list);
	forget(&finder);
	if (err)
		json_decref(script.list);
	else
		*ret_named = script;
	return err;
}
