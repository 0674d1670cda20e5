/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes what was imported as a service file. Words of the list's and of the command line end up
 * in comments: whatever could end the comment, or is not text, is written as '?'.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import_walk.h"
#include "ports.h"

#define V4_BITS 96		/* of the v4-mapped prefix, see struct policy_net */
#define LINE_WIDTH 100
#define ONE_PER_LINE 64		/* nets; of more, as many as fit share a line */

char *import_net_text(const struct policy_net *net, char out[IMPORT_NET_TEXT])
{
	bool v4 = policy_net_is_v4(net);
	char address[INET6_ADDRSTRLEN] = "";

	inet_ntop(v4 ? AF_INET : AF_INET6, net->addr + (v4 ? V4_BITS / 8 : 0), address,
		  sizeof(address));
	snprintf(out, IMPORT_NET_TEXT, "%s/%d", address, net->bits - (v4 ? V4_BITS : 0));
	return out;
}

static void put_printable(FILE *out, const char *text)
{
	for (; *text; text++)
		fputc(*text < ' ' || *text > '~' ? '?' : *text, out);
}

/* Writes @word as a shell takes it back. */
static void put_shell_word(FILE *out, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-.,/:=+@%";

	fputc(' ', out);
	if (*word && !word[strspn(word, plain)]) {
		fputs(word, out);
		return;
	}
	fputc('\'', out);
	for (; *word; word++) {
		if (*word == '\'')
			fputs("'\\''", out);
		else
			put_printable(out, (const char[]){ *word, 0 });
	}
	fputc('\'', out);
}

static void put_selection(FILE *out, const struct import *import)
{
	const char *const *section = import->provider->sections;
	bool implied = section && !import_selects_section(&import->request);
	const char *comma = "";

	fputs("# selection:  ", out);
	for (size_t i = 0; i < import->request.select_count; i++, comma = ", ") {
		fputs(comma, out);
		put_printable(out, import->request.selects[i]);
	}
	for (; implied && *section; section++, comma = ", ")
		fprintf(out, "%ssection=%s", comma, *section);
	if (implied)
		fprintf(out, "\n#             (by default: %s)",
			import->provider->sections_why);
	fputs(*comma ? "\n" : "everything\n", out);
}

/* The command that makes this text from the next edition of the list. */
static void put_command(FILE *out, const struct import *import)
{
	const struct import_request *request = &import->request;

	fprintf(out, "# regenerate: ringfence import %s", import->provider->name);
	for (size_t i = 0; i < request->select_count; i++) {
		fputs(" --select", out);
		put_shell_word(out, request->selects[i]);
	}
	if (request->name)
		fprintf(out, " --name %s", request->name);
	if (request->ports)
		fprintf(out, " --ports %s", request->ports);
	if (import->file[0] == '-')
		fputs(" --", out);
	put_shell_word(out, import->file);
	fputc('\n', out);
}

static void put_comment(FILE *out, const struct import *import)
{
	fprintf(out, "# Address ranges that %s publishes, as a service.\n",
		import->provider->title);
	fprintf(out, "# published:  %s\n", import->provider->url);
	fputs("# list:       ", out);
	put_printable(out, import->file);
	if (import->dates) {
		fputs(", ", out);
		put_printable(out, import->dates);
		fputc('\n', out);
	} else {
		fputs(", which carries no date\n", out);
	}
	put_selection(out, import);
	fprintf(out, "# prefixes:   %zu read, %zu after collapsing\n", import->read_count,
		import->net_count);
	put_command(out, import);
}

/* As a block list of one per line, or as a flow list filled up to LINE_WIDTH. */
static void put_nets(FILE *out, const struct import *import)
{
	bool one_per_line = import->net_count <= ONE_PER_LINE;
	int column = LINE_WIDTH;	/* the first entry begins a line */

	fputs(one_per_line ? "    nets:" : "    nets: [", out);
	for (size_t i = 0; i < import->net_count; i++) {
		/* A colon in front would begin a mapping: "::/0" needs its quotes. */
		char net[IMPORT_NET_TEXT], item[sizeof(net) + 4];
		int length;

		import_net_text(&import->nets[i], net);
		length = snprintf(item, sizeof(item), *net == ':' ? "\"%s\"%s" : "%s%s", net,
				  one_per_line || i + 1 == import->net_count ? "" : ",");
		if (one_per_line) {
			fprintf(out, "\n      - %s", item);
		} else if (column + 1 + length > LINE_WIDTH) {
			fprintf(out, "\n      %s", item);
			column = 6 + length;
		} else {
			fprintf(out, " %s", item);
			column += 1 + length;
		}
	}
	fputs(one_per_line ? "\n" : "\n    ]\n", out);
}

static void put_ports(FILE *out, const char *ports)
{
	fputs("    ports: [", out);
	for (; *ports; ports++) {
		fputc(*ports, out);
		if (*ports == ',')
			fputc(' ', out);
	}
	fputs("]\n", out);
}

int import_format(const struct import *import, char **ret_text, size_t *ret_size)
{
	const char *name = import->request.name ?: import->provider->name;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	bool failed;

	if (!out)
		return -ENOMEM;
	put_comment(out, import);
	fprintf(out, "services:\n  %s:\n", name);
	put_nets(out, import);
	if (import->request.ports)
		put_ports(out, import->request.ports);
	failed = ferror(out);
	if (fclose(out) || failed) {
		free(text);
		return -ENOMEM;
	}
	if (size > POLICY_TEXT_MAX) {
		free(text);
		return -E2BIG;
	}
	*ret_text = text;
	*ret_size = size;
	return 0;
}
