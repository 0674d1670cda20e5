/* SPDX-License-Identifier: BSD-2-Clause */
#include "text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define REPLACEMENT "\xef\xbf\xbd"	/* U+FFFD */
#define REDACTED "***"

/* --- a growing run of bytes --------------------------------------------------------------- */

static bool text_reserve(struct text *text, size_t more)
{
	size_t capacity = text->capacity ? text->capacity : 256;
	char *data;

	if (text->failed)
		return false;
	if (more <= text->capacity - text->size)
		return true;
	while (capacity - text->size < more)
		capacity *= 2;
	data = realloc(text->data, capacity);
	if (!data) {
		text->failed = true;
		return false;
	}
	text->data = data;
	text->capacity = capacity;
	return true;
}

void text_append(struct text *text, const void *bytes, size_t size)
{
	if (!size || !text_reserve(text, size))
		return;
	memcpy(text->data + text->size, bytes, size);
	text->size += size;
}

void text_append_string(struct text *text, const char *string)
{
	text_append(text, string, strlen(string));
}

void text_append_format(struct text *text, const char *fmt, ...)
{
	char buf[128];
	va_list args;
	int length;

	va_start(args, fmt);
	length = vsnprintf(buf, sizeof(buf), fmt, args);
	va_end(args);
	if (length >= 0 && (size_t)length < sizeof(buf)) {
		text_append(text, buf, length);
		return;
	}
	if (length < 0 || !text_reserve(text, length + 1)) {
		text->failed = true;
		return;
	}
	va_start(args, fmt);
	vsnprintf(text->data + text->size, length + 1, fmt, args);
	va_end(args);
	text->size += length;
}

void text_free(struct text *text)
{
	free(text->data);
	*text = (struct text){ 0 };
}

/* --- UTF-8 -------------------------------------------------------------------------------- */

/* Which second byte may follow which first byte; a third and fourth are always 80..BF. */
static const struct utf8_form {
	unsigned char first_lo, first_hi, second_lo, second_hi, length;
} utf8_forms[] = {
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },	/* no overlong forms */
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },	/* no surrogates */
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },	/* nothing past U+10FFFF */
};

static const struct utf8_form *utf8_form(unsigned char first)
{
	for (size_t i = 0; i < ARRAY_SIZE(utf8_forms); i++)
		if (first >= utf8_forms[i].first_lo && first <= utf8_forms[i].first_hi)
			return &utf8_forms[i];
	return NULL;
}

int32_t text_next(const char *bytes, size_t size, size_t *ret_used)
{
	const unsigned char *s = (const unsigned char *)bytes;
	const struct utf8_form *form;
	int32_t code;

	*ret_used = 1;
	if (s[0] < 0x80)
		return s[0];
	form = utf8_form(s[0]);
	if (!form)
		return -1;
	code = s[0] & (0x7f >> form->length);
	for (size_t i = 1; i < form->length; i++) {
		unsigned char lo = i == 1 ? form->second_lo : 0x80;
		unsigned char hi = i == 1 ? form->second_hi : 0xbf;

		if (i >= size || s[i] < lo || s[i] > hi)
			return -1;
		code = code << 6 | (s[i] & 0x3f);
		*ret_used = i + 1;
	}
	return code;
}

unsigned int text_clean(struct text *out, const char *bytes, size_t size)
{
	unsigned int flags = 0;
	size_t run = 0, used;

	for (size_t i = 0; i < size; i += used) {
		if (text_next(bytes + i, size - i, &used) >= 0)
			continue;
		text_append(out, bytes + run, i - run);
		text_append_string(out, REPLACEMENT);
		run = i + used;
		flags = TEXT_NOT_UTF8;
	}
	text_append(out, bytes + run, size - run);
	return flags;
}

size_t text_cut(const char *bytes, size_t size, size_t max)
{
	size_t end = max;

	if (size <= max)
		return size;
	/* A character has at most three bytes that go on: more of them are no UTF-8 anyhow. */
	while (end && max - end < 3 && ((unsigned char)bytes[end] & 0xc0) == 0x80)
		end--;
	return ((unsigned char)bytes[end] & 0xc0) == 0x80 ? max : end;
}

/* --- for a terminal ----------------------------------------------------------------------- */

/* Characters that act on a terminal, or on the order in which it shows others. */
static const struct code_range {
	int32_t lo, hi;
} unprintable[] = {
	{ 0x0000, 0x001f },
	{ 0x007f, 0x009f },
	{ 0x061c, 0x061c },		/* Arabic letter mark */
	{ 0x200b, 0x200f },		/* zero width, left-to-right and right-to-left mark */
	{ 0x2028, 0x202e },		/* separators, embeddings and overrides */
	{ 0x2060, 0x206f },		/* isolates and what is invisible */
	{ 0xfeff, 0xfeff },
};

static bool is_printable(int32_t code)
{
	if (code >= 0x20 && code < 0x7f)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(unprintable); i++)
		if (code >= unprintable[i].lo && code <= unprintable[i].hi)
			return false;
	return true;
}

void text_printable(struct text *out, const char *utf8, size_t size)
{
	size_t used;

	for (size_t i = 0; i < size; i += used) {
		int32_t code = text_next(utf8 + i, size - i, &used);

		if (code < 0)
			for (size_t k = 0; k < used; k++)
				text_append_format(out, "\\x%02x", (unsigned char)utf8[i + k]);
		else if (code == '\\')
			text_append_string(out, "\\\\");
		else if (is_printable(code))
			text_append(out, utf8 + i, used);
		else if (code < 0x80)
			text_append_format(out, "\\x%02x", (unsigned int)code);
		else
			text_append_format(out, "\\u%04x", (unsigned int)code);
	}
}

void text_show(const char *bytes, char *ret_text, size_t size)
{
	struct text clean = {}, shown = {};
	size_t length;

	text_clean(&clean, bytes, strlen(bytes));
	text_printable(&shown, clean.data ?: "", clean.size);
	length = shown.size ? text_cut(shown.data, shown.size, size - 1) : 0;
	snprintf(ret_text, size, "%.*s", (int)length, shown.data ?: "");
	text_free(&clean);
	text_free(&shown);
}

void text_printable_json(struct text *out, const char *json, size_t size)
{
	size_t used;

	/* A control character below 0x20 is never raw inside a JSON string; where one stands
	 * between tokens (a tab), a space means the same. */
	for (size_t i = 0; i < size; i += used) {
		int32_t code = text_next(json + i, size - i, &used);

		if (code < 0)
			text_append_string(out, REPLACEMENT);
		else if (code < 0x20)
			text_append_string(out, " ");
		else if (is_printable(code))
			text_append(out, json + i, used);
		else
			text_append_format(out, "\\u%04x", (unsigned int)code);
	}
}

/* --- secrets in arguments ----------------------------------------------------------------- */

struct argument {
	const char *data;
	size_t size;
	bool cut;			/* it goes on, but was not recorded */
};

/* Bytes begin..end of an argument. */
struct secret {
	size_t begin, end;
};

/* Names whose value is a secret, as the end of a longer name ("--db-password", "GITHUB_TOKEN").
 * '-' stands for '_' too, and case does not matter. */
static const struct secret_name {
	const char *word;
	bool joined;			/* also without a boundary before it: PGPASSWORD */
} secret_names[] = {
	{ "password", true },
	{ "passwd", true },
	{ "passphrase", true },
	{ "secret", true },
	{ "apikey", true },
	{ "pass", false },
	{ "token", false },
	{ "api-key", false },
	{ "access-key", false },
	{ "secret-key", false },
	{ "auth-key", false },
	{ "account-key", false },
	{ "mysql-pwd", false },
	{ "signature", false },		/* X-Amz-Signature in the query of a URL */
	{ "sig", false },
};

/* Headers that carry credentials; may be glued to an option (-HAuthorization: ...). */
static const char *const secret_headers[] = {
	"authorization", "cookie", "x-api-key", "x-auth-token", "private-token", "job-token",
};

/* Tokens that tell what they are by how they begin; @min: what follows is at least that long. */
static const struct secret_shape {
	const char *prefix;
	size_t min;
	const char *more;		/* characters besides letters, digits, '_' and '-' */
} secret_shapes[] = {
	{ "ghp_", 20, "" },
	{ "gho_", 20, "" },
	{ "ghu_", 20, "" },
	{ "ghs_", 20, "" },
	{ "ghr_", 20, "" },
	{ "github_pat_", 20, "" },
	{ "glpat-", 16, "" },
	{ "npm_", 30, "" },
	{ "pypi-", 40, "" },
	{ "AKIA", 16, "" },
	{ "ASIA", 16, "" },
	{ "AIza", 30, "" },
	{ "xoxa-", 10, "" },
	{ "xoxb-", 10, "" },
	{ "xoxe-", 10, "" },
	{ "xoxp-", 10, "" },
	{ "xoxr-", 10, "" },
	{ "xoxs-", 10, "" },
	{ "xapp-", 10, "" },
	{ "sk_live_", 16, "" },
	{ "hvs.", 20, "" },
	{ "dop_v1_", 20, "" },
	{ "eyJ", 20, "." },		/* JSON Web Token: {" in base64 */
	{ "-----BEGIN ", 10, " +/=\n\r" },
};

/* Options of single programs, known by how the name of the program begins. */
enum option_form {
	OPTION_ATTACHED = 1,		/* -pSECRET */
	OPTION_NEXT = 2,		/* -p SECRET */
	OPTION_AFTER_COLON = 4,		/* the value is NAME:SECRET */
};

static const struct secret_option {
	const char *program;
	const char *option;
	unsigned int forms;
} secret_options[] = {
	{ "curl", "-u", OPTION_ATTACHED | OPTION_NEXT | OPTION_AFTER_COLON },
	{ "curl", "-U", OPTION_ATTACHED | OPTION_NEXT | OPTION_AFTER_COLON },
	{ "curl", "--user", OPTION_NEXT | OPTION_AFTER_COLON },
	{ "curl", "--proxy-user", OPTION_NEXT | OPTION_AFTER_COLON },
	{ "mysql", "-p", OPTION_ATTACHED },
	{ "mariadb", "-p", OPTION_ATTACHED },
	{ "sshpass", "-p", OPTION_ATTACHED | OPTION_NEXT },
	{ "redis-cli", "-a", OPTION_NEXT },
};

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

static bool is_quote(char c)
{
	return c == '"' || c == '\'' || c == '`';
}

static bool is_space(char c)
{
	return isspace((unsigned char)c);
}

/* Does a name of @size bytes end with @word? *ret_before: how many bytes stand before it. */
static bool name_ends_with(const char *name, size_t size, const char *word, size_t *ret_before)
{
	size_t length = strlen(word);

	if (length > size)
		return false;
	*ret_before = size - length;
	for (size_t i = 0; i < length; i++) {
		char c = name[*ret_before + i];

		if (tolower((unsigned char)c) != word[i] && !(c == '_' && word[i] == '-'))
			return false;
	}
	return true;
}

static bool is_secret_name(const char *name, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(secret_names); i++) {
		size_t before;

		if (!name_ends_with(name, size, secret_names[i].word, &before))
			continue;
		/* A boundary: the start, a separator, or the capital of accessToken. */
		if (secret_names[i].joined || !before ||
		    !isalnum((unsigned char)name[before - 1]) ||
		    (islower((unsigned char)name[before - 1]) &&
		     isupper((unsigned char)name[before])))
			return true;
	}
	return false;
}

static bool is_secret_header(const char *name, size_t size)
{
	size_t before;

	for (size_t i = 0; i < ARRAY_SIZE(secret_headers); i++)
		if (name_ends_with(name, size, secret_headers[i], &before))
			return true;
	return false;
}

/* End of the name that begins at @at, which is where a name can begin; or @at. */
static size_t name_end(const struct argument *arg, size_t at)
{
	size_t end = at;

	if (at && is_name_char(arg->data[at - 1]))
		return at;
	while (end < arg->size && is_name_char(arg->data[end]))
		end++;
	return end;
}

static size_t skip_spaces(const struct argument *arg, size_t at)
{
	while (at < arg->size && is_space(arg->data[at]))
		at++;
	return at;
}

/* https://user:password@host: all that stands before the last @ of the authority. */
static bool match_userinfo(const struct argument *arg, size_t at, struct secret *ret)
{
	size_t begin = at + 3, end, last = 0;
	bool colon = false;

	if (arg->size - at < 3 || memcmp(arg->data + at, "://", 3))
		return false;
	for (end = begin; end < arg->size; end++) {
		char c = arg->data[end];

		if (c == '@')
			last = end;
		else if (c == ':' && !last)
			colon = true;
		else if (strchr("/?#\\", c) || is_space(c) || is_quote(c))
			break;
	}
	if (!last && !(arg->cut && end == arg->size && colon))
		return false;
	/* ssh://git@host names an account, and nothing more. */
	if (!colon && at >= 3 && !memcmp(arg->data + at - 3, "ssh", 3))
		return false;
	*ret = (struct secret){ begin, last ? last : end };
	return ret->end > ret->begin;
}

/* Authorization: Bearer XYZ, up to a quote or the end. */
static bool match_header(const struct argument *arg, size_t at, struct secret *ret)
{
	size_t end = name_end(arg, at);

	if (end == at || end == arg->size || arg->data[end] != ':' ||
	    !is_secret_header(arg->data + at, end - at))
		return false;
	ret->begin = skip_spaces(arg, end + 1);
	ret->end = ret->begin;
	while (ret->end < arg->size && !is_quote(arg->data[ret->end]))
		ret->end++;
	return ret->end > ret->begin;
}

/* Behind the name that ends at @end: where its value begins, or 0 where none is given. */
static size_t value_begin(const struct argument *arg, size_t at, size_t end)
{
	size_t p = end;
	bool quoted = p < arg->size && at && is_quote(arg->data[p]) && is_quote(arg->data[at - 1]);

	if (quoted)
		p = skip_spaces(arg, p + 1);
	if (p >= arg->size)
		return 0;
	if (arg->data[p] == '=')
		return p + 1;
	if (arg->data[p] == ':' && (quoted || (p + 1 < arg->size && is_space(arg->data[p + 1]))))
		return skip_spaces(arg, p + 1);
	if (arg->data[at] != '-' || !is_space(arg->data[p]))
		return 0;
	/* A command line within an argument: --token VALUE. */
	p = skip_spaces(arg, p);
	return arg->size - p >= 2 && !memcmp(arg->data + p, "--", 2) ? 0 : p;
}

/* --token=XYZ, TOKEN=XYZ, ?token=XYZ&, "token": "XYZ", and --token XYZ inside one argument. */
static bool match_named(const struct argument *arg, size_t at, struct secret *ret)
{
	size_t end = name_end(arg, at), p;

	if (end == at || !is_secret_name(arg->data + at, end - at))
		return false;
	p = value_begin(arg, at, end);
	if (!p || p >= arg->size)
		return false;
	*ret = (struct secret){ p, arg->size };
	if (is_quote(arg->data[p])) {
		const char *close = memchr(arg->data + p + 1, arg->data[p], arg->size - p - 1);

		*ret = (struct secret){ p + 1, close ? (size_t)(close - arg->data) : arg->size };
	} else if (at) {
		ret->end = p;
		while (ret->end < arg->size && !is_space(arg->data[ret->end]) &&
		       !is_quote(arg->data[ret->end]) && !strchr("&;)", arg->data[ret->end]))
			ret->end++;
	}
	return ret->end > ret->begin;
}

/* Bearer XYZ outside of a header that is known. */
static bool match_bearer(const struct argument *arg, size_t at, struct secret *ret)
{
	size_t end = name_end(arg, at);

	if (end - at != 6 || strncasecmp(arg->data + at, "bearer", 6))
		return false;
	ret->begin = skip_spaces(arg, end);
	if (ret->begin == end)
		return false;
	ret->end = ret->begin;
	while (ret->end < arg->size && !is_space(arg->data[ret->end]) &&
	       !is_quote(arg->data[ret->end]))
		ret->end++;
	return ret->end - ret->begin >= 8 || (arg->cut && ret->end == arg->size);
}

static bool match_shape(const struct argument *arg, size_t at, struct secret *ret)
{
	if (at && isalnum((unsigned char)arg->data[at - 1]))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(secret_shapes); i++) {
		const struct secret_shape *shape = &secret_shapes[i];
		size_t length = strlen(shape->prefix), end = at + length;

		if (arg->data[at] != shape->prefix[0] || arg->size - at < length ||
		    memcmp(arg->data + at, shape->prefix, length))
			continue;
		while (end < arg->size &&
		       (isalnum((unsigned char)arg->data[end]) || arg->data[end] == '_' ||
			arg->data[end] == '-' || strchr(shape->more, arg->data[end])))
			end++;
		*ret = (struct secret){ at + length, end };
		if (end - ret->begin >= shape->min ||
		    (arg->cut && end == arg->size && end > ret->begin))
			return true;
	}
	return false;
}

/* The first that matches a place holds. */
static bool (*const secret_matchers[])(const struct argument *arg, size_t at,
				       struct secret *ret) = {
	match_userinfo, match_header, match_named, match_bearer, match_shape,
};

static bool find_secret(const struct argument *arg, size_t at, struct secret *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(secret_matchers); i++)
		if (secret_matchers[i](arg, at, ret))
			return true;
	return false;
}

static unsigned int redact_argument(struct text *out, const struct argument *arg)
{
	unsigned int flags = 0;
	size_t done = 0;

	for (size_t at = 0; at < arg->size; at++) {
		struct secret secret;

		if (!find_secret(arg, at, &secret))
			continue;
		text_append(out, arg->data + done, secret.begin - done);
		text_append_string(out, REDACTED);
		done = secret.end;
		at = done - 1;
		flags = TEXT_REDACTED;
	}
	text_append(out, arg->data + done, arg->size - done);
	return flags;
}

static unsigned int redact_value(struct text *out, const struct argument *arg, size_t at,
				 unsigned int forms)
{
	const char *colon;

	if (forms & OPTION_AFTER_COLON) {
		colon = memchr(arg->data + at, ':', arg->size - at);
		if (!colon && !arg->cut)
			return redact_argument(out, arg);
		if (colon)
			at = colon + 1 - arg->data;
	}
	text_append(out, arg->data, at);
	text_append_string(out, REDACTED);
	return TEXT_REDACTED;
}

static const struct secret_option *find_option(const struct argument *program,
					       const struct argument *arg)
{
	const char *slash = memrchr(program->data, '/', program->size);
	const char *name = slash ? slash + 1 : program->data;
	size_t size = program->data + program->size - name;

	for (size_t i = 0; i < ARRAY_SIZE(secret_options); i++) {
		const struct secret_option *option = &secret_options[i];
		size_t length = strlen(option->option), program_length = strlen(option->program);

		if (size < program_length || memcmp(name, option->program, program_length) ||
		    arg->size < length || memcmp(arg->data, option->option, length))
			continue;
		if (option->forms & (arg->size > length ? OPTION_ATTACHED : OPTION_NEXT))
			return option;
	}
	return NULL;
}

/* Appends @arg; *next says how the argument behind it is to be treated, as enum option_form. */
static unsigned int redact_next(struct text *out, const struct argument *program,
				const struct argument *arg, unsigned int *next)
{
	const struct secret_option *option = program->data ? find_option(program, arg) : NULL;
	unsigned int forms = *next;

	*next = 0;
	if (forms && !(arg->size >= 2 && !memcmp(arg->data, "--", 2)))
		return redact_value(out, arg, 0, forms);
	if (option && arg->size > strlen(option->option))
		return redact_value(out, arg, strlen(option->option), option->forms);
	if (option)
		*next = option->forms;
	else if (arg->size > 1 && arg->data[0] == '-' && name_end(arg, 0) == arg->size &&
		 is_secret_name(arg->data, arg->size))
		*next = OPTION_NEXT;
	return redact_argument(out, arg);
}

unsigned int text_argv(struct text *out, const char *argv, size_t size, bool cut,
		       unsigned int *ret_count)
{
	struct argument program = { 0 };
	struct text clean = { 0 };
	unsigned int flags, next = 0, count = 0;
	size_t length;

	flags = text_clean(&clean, argv, size);
	for (size_t at = 0; at < clean.size; at += length + 1) {
		struct argument arg = { .data = clean.data + at };

		length = strnlen(arg.data, clean.size - at);
		arg.size = length;
		arg.cut = cut && at + length >= clean.size;
		flags |= redact_next(out, &program, &arg, &next);
		text_append(out, "", 1);
		if (!count++)
			program = arg;
	}
	out->failed |= clean.failed;
	text_free(&clean);
	*ret_count = count;
	return flags;
}
