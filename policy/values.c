/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define NAME_LENGTH_MAX (TAG_NAME_MAX - 1)
#define FILE_NAME_MAX 255	/* NAME_MAX: between two slashes */
#define MAPPED_BITS 96		/* of the prefix that IPv4 addresses stand behind */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Reads a decimal number of at most @max without leading zeros. Returns what follows, or NULL. */
static const char *number_read(const char *text, unsigned int max, unsigned int *ret_number)
{
	unsigned int number = 0;

	if (!is_digit(*text) || (*text == '0' && is_digit(text[1])))
		return NULL;
	for (; is_digit(*text); text++) {
		number = number * 10 + (unsigned int)(*text - '0');
		if (number > max)
			return NULL;
	}
	*ret_number = number;
	return text;
}

const char *name_read(struct checker *checker, const struct node *node, const char *what)
{
	const char *name = scalar_read(checker, node, what, POLICY_STRING_MAX);

	if (!name)
		return NULL;
	if (node->size > NAME_LENGTH_MAX) {
		check_fault(checker, node, NULL, "%s has at most %d characters, not %zu", what,
			    NAME_LENGTH_MAX, node->size);
		return NULL;
	}
	for (const char *c = name; *c; c++) {
		if (is_letter(*c) || is_digit(*c) || (c > name && strchr("._-", *c)))
			continue;
		check_fault(checker, node, NULL,
			    "%s begins with a letter or digit and goes on with letters, digits, "
			    "dots, underscores and hyphens, unlike \"%.80s\"", what, name);
		return NULL;
	}
	return name;
}

/* --- addresses ----------------------------------------------------------------------------- */

static bool address_read(const char *text, size_t length, struct policy_net *net, bool *ret_v4)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	char address[INET6_ADDRSTRLEN];

	if (length >= sizeof(address))
		return false;
	memcpy(address, text, length);
	address[length] = 0;
	memcpy(net->addr, mapped, sizeof(mapped));
	*ret_v4 = inet_pton(AF_INET, address, net->addr + sizeof(mapped)) == 1;
	return *ret_v4 || inet_pton(AF_INET6, address, net->addr) == 1;
}

/* Clears what lies past the prefix. Returns whether anything did. */
static bool clear_host_bits(struct policy_net *net)
{
	bool any = false;

	for (unsigned int i = 0; i < sizeof(net->addr); i++) {
		unsigned int kept = net->bits > i * 8 ? net->bits - i * 8 : 0;
		uint8_t mask = kept >= 8 ? 0xff : (uint8_t)(0xff00 >> kept);

		any |= (net->addr[i] & ~mask) != 0;
		net->addr[i] &= mask;
	}
	return any;
}

static void report_address(struct checker *checker, const struct node *node, const char *text)
{
	const char *hint = "write 192.0.2.0/24, 192.0.2.1, \"2001:db8::/32\" or \"2001:db8::1\"";

	if (!strchr(text, ':') && strpbrk(text, "ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ"))
		hint = "host names are not enforced yet: list addresses; for large providers "
		       "`ringfence import` writes them";
	else if (strchr(text, '-'))
		hint = "write a range as prefixes, such as 192.0.2.0/24";
	check_fault(checker, node, hint, "\"%.80s\" is not an IPv4 or IPv6 address range", text);
}

static void report_host_bits(struct checker *checker, const struct node *node,
			     const struct policy_net *net, bool v4, unsigned int bits)
{
	char right[INET6_ADDRSTRLEN];

	if (v4)
		inet_ntop(AF_INET, net->addr + 12, right, sizeof(right));
	else
		inet_ntop(AF_INET6, net->addr, right, sizeof(right));
	check_fault(checker, node, check_hint(checker, "the range around it is %s/%u", right, bits),
		    "%s is an address within a range: bits past the first %u are set", node->text,
		    bits);
}

static bool net_read(struct checker *checker, const struct node *node, void *ret_item)
{
	struct policy_net *net = ret_item;
	const char *text, *slash, *end;
	unsigned int bits, bits_max;
	bool v4;

	if (node->kind == NODE_MAP) {
		check_fault(checker, node,
			    "an address that begins or ends with a colon needs quotes: \"::1\"",
			    "expected an address range, found a mapping");
		return false;
	}
	text = scalar_read(checker, node, "an address range", POLICY_STRING_MAX);
	if (!text)
		return false;
	slash = strchrnul(text, '/');
	if (!address_read(text, (size_t)(slash - text), net, &v4)) {
		report_address(checker, node, text);
		return false;
	}
	bits = bits_max = v4 ? 32 : 128;
	end = *slash ? number_read(slash + 1, bits_max, &bits) : slash;
	if (!end || *end) {
		check_fault(checker, node, NULL,
			    "\"%.80s\" is not a prefix length; for IPv%d it is a number from 0 to %u",
			    slash + 1, v4 ? 4 : 6, bits_max);
		return false;
	}
	net->bits = (uint8_t)(v4 ? bits + MAPPED_BITS : bits);
	if (clear_host_bits(net)) {
		report_host_bits(checker, node, net, v4, bits);
		return false;
	}
	return true;
}

static int net_compare(const void *a, const void *b)
{
	const struct policy_net *left = a, *right = b;
	int order = memcmp(left->addr, right->addr, sizeof(left->addr));

	return order ? order : (int)left->bits - (int)right->bits;
}

const struct item_type net_items = { sizeof(struct policy_net), net_read, net_compare };

/* --- ports --------------------------------------------------------------------------------- */

static bool protocol_read(const char *text, uint8_t *ret_protos)
{
	if (!*text)
		*ret_protos = PROTO_ALL;
	else if (!strcmp(text, "/tcp"))
		*ret_protos = PROTO_BIT(PROTO_TCP);
	else if (!strcmp(text, "/udp"))
		*ret_protos = PROTO_BIT(PROTO_UDP);
	else
		return false;
	return true;
}

static bool port_read(struct checker *checker, const struct node *node, void *ret_item)
{
	const char *text = scalar_read(checker, node, "a port", POLICY_STRING_MAX), *end;
	struct policy_ports *ports = ret_item;
	unsigned int lo, hi;

	if (!text)
		return false;
	end = number_read(text, UINT16_MAX, &lo);
	hi = lo;
	if (end && *end == '-')
		end = number_read(end + 1, UINT16_MAX, &hi);
	if (!end || !protocol_read(end, &ports->protos)) {
		check_fault(checker, node, "write 443, 8000-8100, 53/udp or 8000-8100/tcp",
			    "\"%.80s\" is not a port; ports are numbers from 0 to %d", text,
			    UINT16_MAX);
		return false;
	}
	if (lo > hi) {
		check_fault(checker, node, check_hint(checker, "write %u-%u%s", hi, lo, end),
			    "the range %u-%u is empty", lo, hi);
		return false;
	}
	ports->lo = (uint16_t)lo;
	ports->hi = (uint16_t)hi;
	return true;
}

static int port_compare(const void *a, const void *b)
{
	const struct policy_ports *left = a, *right = b;

	if (left->lo != right->lo)
		return (int)left->lo - (int)right->lo;
	if (left->hi != right->hi)
		return (int)left->hi - (int)right->hi;
	return (int)left->protos - (int)right->protos;
}

const struct item_type port_items = { sizeof(struct policy_ports), port_read, port_compare };

/* --- paths --------------------------------------------------------------------------------- */

enum path_fault {
	PATH_GOOD,
	PATH_UPWARDS,
	PATH_LONG_NAME,
};

/* Copies @text, which is absolute, without what means nothing: "//" and "/./". */
static enum path_fault path_normalise(const char *text, char *path, bool *ret_tree)
{
	char *out = path;

	while (*text) {
		size_t slashes = strspn(text, "/");
		size_t length = strcspn(text + slashes, "/");
		const char *name = text + slashes;

		*ret_tree = !length || (length == 1 && *name == '.');
		if (length == 2 && !strncmp(name, "..", 2))
			return PATH_UPWARDS;
		if (length > FILE_NAME_MAX)
			return PATH_LONG_NAME;
		if (!*ret_tree) {
			*out++ = '/';
			out = mempcpy(out, name, length);
		}
		text = name + length;
	}
	*out = 0;
	return PATH_GOOD;
}

static bool path_read(struct checker *checker, const struct node *node, void *ret_item)
{
	const char *text = scalar_read(checker, node, "a path", PATH_LENGTH_MAX - 1);
	struct policy_path *path = ret_item;
	enum path_fault fault;

	if (!text)
		return false;
	if (*text != '/') {
		check_fault(checker, node, "a path begins with /; ~ and variables are not expanded",
			    "\"%.80s\" is not an absolute path", text);
		return false;
	}
	path->path = check_alloc(checker, 1, node->size + 1);
	if (!path->path)
		return false;
	fault = path_normalise(text, path->path, &path->tree);
	if (fault == PATH_GOOD) {
		if (strpbrk(text, "*?"))
			check_warning_at(checker, node_where(&checker->source, node),
					 "a directory and all below is written with a / at its end",
					 "paths are not patterns: * and ? stand for themselves");
		return true;
	}
	if (fault == PATH_UPWARDS)
		check_fault(checker, node, "write where it leads to",
			    "a path may not go upwards (/../)");
	else
		check_fault(checker, node, NULL,
			    "no file can have this path: a name in it is longer than %d bytes",
			    FILE_NAME_MAX);
	free(path->path);
	path->path = NULL;
	return false;
}

static int path_compare(const void *a, const void *b)
{
	const struct policy_path *left = a, *right = b;
	int order = strcmp(left->path, right->path);

	return order ? order : (int)left->tree - (int)right->tree;
}

const struct item_type path_items = { sizeof(struct policy_path), path_read, path_compare };

/* What fits struct sockaddr_un behind the 0 of an abstract name (unix(7)). */
#define ABSTRACT_MAX 107

/* "@NAME" is an abstract name, everything else a path. */
static bool socket_read(struct checker *checker, const struct node *node, void *ret_item)
{
	struct policy_path *path = ret_item;
	const char *text;

	if (node->kind != NODE_SCALAR || node->text[0] != '@')
		return path_read(checker, node, ret_item);
	text = scalar_read(checker, node, "an abstract name", ABSTRACT_MAX + 1);
	if (!text)
		return false;
	if (!text[1]) {
		check_fault(checker, node, "write \"@\" and the name", "expected an abstract name behind the @, found nothing");
		return false;
	}
	path->path = check_alloc(checker, 1, node->size + 1);
	if (path->path)
		strcpy(path->path, text);
	return path->path;
}

const struct item_type socket_items = { sizeof(struct policy_path), socket_read, path_compare };

/* --- errnos -------------------------------------------------------------------------------- */

const char *policy_errno_name(int err)
{
	return err > 0 && err <= EHWPOISON ? strerrorname_np(err) : NULL;
}

int policy_errno(const char *name)
{
	for (int err = 1; err <= EHWPOISON; err++) {
		const char *known = strerrorname_np(err);

		if (known && !strcmp(known, name))
			return err;
	}
	return 0;
}

static const char *errno_hint(struct checker *checker, const char *text)
{
	const char *names[EHWPOISON + 1];
	size_t count = 0;
	unsigned int number;
	const char *end = number_read(text, EHWPOISON, &number);

	if (end && !*end && policy_errno_name((int)number))
		return check_hint(checker, "write the name: %s", policy_errno_name((int)number));
	for (int err = 1; err <= EHWPOISON; err++)
		if (strerrorname_np(err))
			names[count++] = strerrorname_np(err);
	names[count] = NULL;
	return check_nearest(checker, text, names);
}

int errno_read(struct checker *checker, const struct node *node)
{
	const char *text = scalar_read_hinted(checker, node, "the name of an errno", POLICY_STRING_MAX,
					      "write one such as EHOSTUNREACH, or remove the key");
	int err = text ? policy_errno(text) : 0;

	if (text && !err)
		check_fault(checker, node, errno_hint(checker, text),
			    "\"%.80s\" is not the name of an errno; expected one such as EPERM, "
			    "ECONNREFUSED or EHOSTUNREACH", text);
	if (err == EINTR || err == EAGAIN || err == EINPROGRESS || err == EALREADY)
		check_warning_at(checker, node_where(&checker->source, node),
				 "an outage looks like ECONNREFUSED, EHOSTUNREACH or ETIMEDOUT",
				 "%s is no failure: many programs wait or try again for ever", text);
	return err;
}

/* --- texts --------------------------------------------------------------------------------- */

const struct words_type reason_words = { "a reason", "say why in a few words, or remove the key" };
const struct words_type owner_words = { "an owner", "name whom to ask: a team or a person, such as storage-team" };

char *words_read(struct checker *checker, const struct node *node, const struct words_type *type)
{
	const char *text = scalar_read_hinted(checker, node, type->what, POLICY_STRING_MAX, type->hint);
	char *words = text ? check_alloc(checker, 1, node->size + 1) : NULL;
	char *out = words;

	if (!words)
		return NULL;
	for (; *text; text++) {
		if (strchr(" \t\r\n", *text)) {
			if (out > words && out[-1] != ' ')
				*out++ = ' ';
		} else if ((unsigned char)*text < 0x20 || *text == 0x7f) {
			check_fault(checker, node, NULL, "%s has no control characters", type->what);
			free(words);
			return NULL;
		} else {
			*out++ = *text;
		}
	}
	if (out > words && out[-1] == ' ')
		*--out = 0;
	if (out > words)
		return words;
	check_fault(checker, node, type->hint, "expected %s, found nothing but blanks", type->what);
	free(words);
	return NULL;
}
