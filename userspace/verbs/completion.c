/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence completion: prints what bash or zsh need to complete the command line, from the tables
 * of the verbs and their options.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/options.h"
#include "verbs.h"

static const struct verb_option options[] = {
	{},
};

const struct verb completion_verb = {
	.name = "completion",
	.arguments = "bash|zsh",
	.help = "Prints the completion of this command line for a shell, as it is installed with ringfence.\n\n"
		"Exit status: 0; 1 for another shell.",
	.options = options,
	.words = "bash zsh",
};

/* The parts that are the same whatever the tables hold, written as the shells want them. */
#define EMBED(name, file) \
	__asm__(".section .rodata\n" \
		name ":\n" \
		".incbin \"userspace/verbs/" file "\"\n" \
		".byte 0\n" \
		".previous\n")

EMBED("completion_bash", "completion.bash");
EMBED("completion_zsh", "completion.zsh");
extern const char completion_bash[], completion_zsh[];

/* --- what is completed ---------------------------------------------------------------------- */

#define WORDS_MAX 256

/* The shells' word for it. What is neither here nor a choice is not completed. */
static const struct kind {
	const char *arg;		/* as the tables of the verbs call it */
	const char *bash, *zsh;
} kinds[] = {
	{ "TAG", "@tags", "_ringfence_tags" },
	{ "FILE", "@files", "_files" },
	{ "PROGRAM", "@files", "_files" },
	{ "DIR", "@folders", "_files -/" },
	{ "PID", "@processes", "_pids" },
	{ "USER", "@users", "_users" },
	{ "WHEN", "auto always never", "(auto always never)" },
	{ "VERDICT", "allow audit deny", "(allow audit deny)" },
	{ "FORMAT", "text md html dot json", "(text md html dot json)" },
};

static const struct kind *kind_of(const char *arg)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(arg, kinds[i].arg))
			return &kinds[i];
	return NULL;
}

/* "audit|enforce" -> "audit enforce"; false where it is no choice. */
static bool split_choice(const char *arg, char ret_words[WORDS_MAX])
{
	if (!strchr(arg, '|'))
		return false;
	snprintf(ret_words, WORDS_MAX, "%s", arg);
	for (char *bar = ret_words; (bar = strchr(bar, '|')); )
		*bar = ' ';
	return true;
}

/* Whether the verb's own arguments, not those of its options, are files. */
static bool takes_files(const struct verb *verb)
{
	const char *option = strstr(verb->arguments, "--"), *file = strstr(verb->arguments, "FILE");

	return verb->words || strstr(verb->arguments, "LOG") || (file && (!option || file < option || file[-2] == ']'));
}

/* Text inside of single quotes; with a backslash before each of @special. */
static void print_text(const char *text, const char *special)
{
	for (; *text; text++)
		if (*text == '\'')
			fputs("'\\''", stdout);
		else
			printf("%s%c", strchr(special, *text) ? "\\" : "", *text);
}

/* --- bash: two tables ----------------------------------------------------------------------- */

static void print_bash_options(const struct verb *verb)
{
	const struct verb_option *option;

	printf("\t[%s]='", verb->name);
	for (size_t i = 0; (option = verb_option_at(verb, i)); i++) {
		if (verb_option_letter(option))
			printf("-%c ", verb_option_letter(option));
		printf("--%s%s", option->name, verb_option_at(verb, i + 1) ? " " : "'\n");
	}
}

static const char *bash_kind(const char *arg, char words[WORDS_MAX])
{
	const struct kind *kind = kind_of(arg);

	return kind ? kind->bash : split_choice(arg, words) ? words : "@nothing";
}

static void print_bash_arguments(const struct verb *verb)
{
	const struct verb_option *option;
	char words[WORDS_MAX];

	if (verb->command_follows)
		printf("\t['%s']=@command\n", verb->name);
	else if (takes_files(verb))
		printf("\t['%s']='%s'\n", verb->name, verb->words ? verb->words : "@files");
	for (size_t i = 0; (option = verb_option_at(verb, i)); i++) {
		if (!option->arg)
			continue;
		printf("\t['%s --%s']='%s'\n", verb->name, option->name,
		       bash_kind(option->arg, words));
		if (verb_option_letter(option))
			printf("\t['%s -%c']='%s'\n", verb->name, verb_option_letter(option),
			       bash_kind(option->arg, words));
	}
}

static void print_bash(void)
{
	puts("# Completion for bash, as `ringfence completion bash` prints it.\n\n"
	     "# The options of each verb.\n"
	     "declare -gA _ringfence_options=(");
	for (const struct verb_entry *entry = verb_table; entry->verb; entry++)
		if (entry->about)
			print_bash_options(entry->verb);
	puts(")\n\n"
	     "# What each verb takes as its first argument, and what its options take: words, or @ and a kind.\n"
	     "declare -gA _ringfence_arguments=(");
	for (const struct verb_entry *entry = verb_table; entry->verb; entry++)
		if (entry->about)
			print_bash_arguments(entry->verb);
	puts(")\n");
	fputs(completion_bash, stdout);
}

/* --- zsh: one call of _arguments per verb ---------------------------------------------------- */

static void print_zsh_option(const struct verb_option *option)
{
	const struct kind *kind = option->arg ? kind_of(option->arg) : NULL;
	/* What is given as KEY=VALUE may be given more than once, and what says so. */
	bool repeated = option->arg && (strchr(option->arg, '=') || strstr(option->help, "repeated"));
	char letter = verb_option_letter(option), words[WORDS_MAX];

	printf(" \\\n\t\t\t");
	if (repeated)
		fputs("\\*", stdout);
	else if (letter)
		printf("'(-%c --%s)'", letter, option->name);
	if (letter)
		printf("{-%c%s,--%s%s}", letter, option->arg ? "+" : "", option->name,
		       option->arg ? "=" : "");
	else
		printf("--%s%s", option->name, option->arg ? "=" : "");
	fputs("'[", stdout);
	print_text(option->help, "[]\\");
	putchar(']');
	if (option->arg) {
		printf(":%s:", option->arg);
		if (kind)
			fputs(kind->zsh, stdout);
		else if (split_choice(option->arg, words))
			printf("(%s)", words);
		else
			putchar(' ');
	}
	putchar('\'');
}

static void print_zsh_verb(const struct verb *verb)
{
	const struct verb_option *option;

	printf("\t\t%s)\n\t\t\t_arguments -s -S", verb->name);
	for (size_t i = 0; (option = verb_option_at(verb, i)); i++)
		print_zsh_option(option);
	if (verb->command_follows)
		fputs(" \\\n\t\t\t'(-)1:command:_command_names -e'"
		      " \\\n\t\t\t'*::argument:_normal'", stdout);
	else if (verb->words)
		printf(" \\\n\t\t\t'1:argument:(%s)'", verb->words);
	if (!verb->command_follows && takes_files(verb))
		fputs(" \\\n\t\t\t'*:file:_files'", stdout);
	puts(" ;;");
}

static void print_zsh(void)
{
	puts("#compdef ringfence\n"
	     "# Completion for zsh, as `ringfence completion zsh` prints it.\n\n"
	     "_ringfence_verbs()\n"
	     "{\n"
	     "\tlocal -a verbs=(");
	for (const struct verb_entry *entry = verb_table; entry->verb; entry++) {
		if (!entry->about)
			continue;
		printf("\t\t'%s:", entry->verb->name);
		print_text(entry->about, "");
		puts("'");
	}
	puts("\t)\n"
	     "\t_describe -t verbs verb verbs\n"
	     "}\n\n"
	     "_ringfence_arguments() # VERB\n"
	     "{\n"
	     "\tcase $1 in");
	for (const struct verb_entry *entry = verb_table; entry->verb; entry++)
		if (entry->about)
			print_zsh_verb(entry->verb);
	puts("\tesac\n"
	     "}\n");
	fputs(completion_zsh, stdout);
}

int completion_main(int argc, char **argv)
{
	const char *shell;

	if (verb_next(&completion_verb, argc, argv) != VERB_END)
		return 1;
	shell = argc - optind == 1 ? argv[optind] : "";
	if (!strcmp(shell, "bash"))
		print_bash();
	else if (!strcmp(shell, "zsh"))
		print_zsh();
	else
		return verb_misused(&completion_verb, "for which shell? Expected bash or zsh"), 1;
	return fflush(stdout) ? 1 : 0;
}
