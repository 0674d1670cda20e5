/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * soak: the soaks. soak.h says what is where.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "soak.h"

#define POLICY WORK "/soak.yaml"

/* --- what the soaks ask of ringfence -------------------------------------------------------- */

unsigned long soak_number(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoul(text, NULL, 10) : otherwise;
}

json_t *soak_status(void)
{
	FILE *pipe = popen("ringfence status --json", "re");
	json_t *status = pipe ? json_loadf(pipe, 0, NULL) : NULL;

	if (pipe)
		pclose(pipe);
	return status;
}

static long long number(const json_t *run, const char *name)
{
	return json_integer_value(json_object_get(run, name));
}

struct account soak_account(const char *run)
{
	struct account account = {};
	json_t *status = soak_status(), *each;
	size_t i;

	json_array_foreach(json_object_get(status, "runs"), i, each)
		if (!strcmp(record_text(each, "run"), run))
			account = (struct account){
				.submitted = number(each, "submitted"),
				.logged = number(each, "logged"),
				.lost = number(each, "lost"),
				.refused_forks = number(each, "refused_forks"),
			};
	json_decref(status);
	return account;
}

void soak_policy_write(const char *path, const char *err)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "tag: " TAG "\nmode: enforce\nservices: {server: {nets: [127.5.1.0/24]}}\n"
		 "rules: [{%s: server%s%s, why: soaked}]\n",
		 *err ? "deny" : "allow", *err ? ", errno: " : "", err);
	write_small(path, text);
}

bool soak_policy(const char *err, struct why *why)
{
	struct command command;

	soak_policy_write(POLICY, err);
	command_run(&command, 0, COMMAND("ringfence", "apply", POLICY));
	return !command.status || fail(why, "ringfence apply ended with %d: %.300s", command.status,
				       command.err);
}

bool soak_daemon_start(struct background *daemon, struct why *why)
{
	json_t *status;
	bool collected = false;
	int64_t end = now_ms() + WAIT_MS;

	if (background_start(daemon, COMMAND("ringfence", "daemon", "--log-size", "0")))
		return fail(why, "cannot start ringfence daemon");
	while (!collected && now_ms() < end) {
		status = soak_status();
		collected = json_is_true(json_object_get(status, "collected"));
		json_decref(status);
	}
	return collected || fail(why, "the daemon does not collect");
}

void soak_forget_log(void)
{
	if (truncate(MAIN_LOG, 0))
		perror(MAIN_LOG);
}

/* --- verbs ---------------------------------------------------------------------------------- */

static const struct soak soaks[] = {
	{ "forks", soak_forks },
	{ "fork-bomb", soak_bomb },
	{ "memory-max", soak_memory },
	{ "late-tags", soak_late },
	{ "stalled-reader", soak_stalled },
	{ "policy-swaps", soak_swaps },
	{ "connection", soak_connection },
	{},
};

static int plan(void)
{
	for (const struct soak *soak = soaks; soak->name; soak++)
		printf("soak/%s\n", soak->name);
	return 0;
}

static int play(const struct soak *soak)
{
	char figures[FIGURES_SIZE] = "";
	struct why why = {};
	int64_t begin = now_ms();
	bool ok = soak->run(figures, &why);

	soak_forget_log();
	printf("# soak/%s: %s (%lld s)\n", soak->name, figures,
	       (long long)(now_ms() - begin + 500) / 1000);
	tests_print("soak", soak->name, &why, ok);
	return !ok;
}

/* soak all, or soak only NAME... */
static int soak_main(char **names)
{
	struct why why = {};
	int failed = 0;

	if (!crowd_prepare(&why) || !soak_policy("EHOSTUNREACH", &why)) {
		printf("# %s\n", why.text);
		return 1;
	}
	for (const struct soak *soak = soaks; soak->name; soak++) {
		bool wanted = !*names;

		for (char **name = names; *name; name++)
			wanted |= !strcmp(*name, soak->name);
		if (wanted)
			failed += play(soak);
	}
	return failed != 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (!strcmp(verb, "plan"))
		return plan();
	if (!strcmp(verb, "run"))
		return soak_main(argv + 2);
	if (!strcmp(verb, "member"))
		return member_main();
	fprintf(stderr, "usage: soak plan | soak run [NAME]...\n");
	return 2;
}
