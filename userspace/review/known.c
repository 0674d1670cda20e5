/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All definitions together are compiled into one policy, in which each service has a rule: the matcher of
 * the kernel finds the most specific one.
 */
#include "known.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../policy/compile.h"
#include "../base/options.h"
#include "../base/say.h"
#include "../base/text.h"

#define SUFFIX ".yaml"
#define FILES_MAX 64				/* that a policy can include */

/* A service file. */
struct known_file {
	char *path, *include;
	size_t diags;				/* what reading it alone came to */
	bool read;
};

struct known {
	struct known_file *files;
	size_t file_count;
	struct known_service *services;		/* as those of the policy, and so its rules */
	size_t count;
	struct policy *policy;
	struct diags *diags;			/* one for each text, whose files the policy names */
	size_t diag_count;
	struct ruleset *image;
};

/* --- collecting ----------------------------------------------------------------------------- */

static bool is_known(const struct known *known, const char *name)
{
	for (size_t i = 0; i < known->count; i++)
		if (!strcmp(known->services[i].name, name))
			return true;
	return false;
}

static int grow(struct known *known)
{
	struct policy *policy = known->policy;
	struct known_service *services = reallocarray(known->services, known->count + 1, sizeof(*services));
	struct policy_service *defined = NULL;
	struct policy_rule *rules = NULL;

	if (services) {
		known->services = services;
		defined = reallocarray(policy->services, known->count + 1, sizeof(*defined));
	}
	if (defined) {
		policy->services = defined;
		rules = reallocarray(policy->rules, known->count + 1, sizeof(*rules));
	}
	if (!rules)
		return -ENOMEM;
	policy->rules = rules;
	return 0;
}

/* Takes what the service has. */
static int add_service(struct known *known, struct policy_service *service, const char *include)
{
	struct known_service entry = { .name = strdup(service->name), .implied = !include };
	size_t at = known->count;

	if (include)
		entry.include = strdup(include);
	if (!entry.name || (include && !entry.include) || grow(known)) {
		free(entry.name);
		free(entry.include);
		return -ENOMEM;
	}
	known->services[at] = entry;
	known->policy->services[at] = *service;
	known->policy->rules[at] = (struct policy_rule){
		.where = service->where,
		.verdict = VERDICT_ALLOW,
		.err = EPERM,
		.access = ACCESS_READ | ACCESS_WRITE,
		.service = at,
	};
	*service = (struct policy_service){ 0 };
	known->policy->service_count = known->policy->rule_count = ++known->count;
	return 0;
}

/* What the rule says that a policy has for the service without saying so. */
static void note_rule(const struct policy *policy, size_t service, struct known_service *ret_known)
{
	for (size_t i = 0; i < policy->rule_count; i++) {
		if (policy->rules[i].service != service)
			continue;
		ret_known->verdict = policy->rules[i].verdict;
		ret_known->access = policy->rules[i].access;
	}
}

/* Those of the file @path, included by @include; or with NULL, those that every policy has. */
static int add_services(struct known *known, struct policy *from, const char *path, const char *include)
{
	int err = 0;

	for (size_t i = 0; !err && i < from->service_count; i++) {
		struct policy_service *service = &from->services[i];

		if ((path ? !service->implied && !strcmp(service->where.file, path) : service->implied) &&
		    !is_known(known, service->name))
			err = add_service(known, service, include);
		if (!err && !path && known->count)
			note_rule(from, i, &known->services[known->count - 1]);
	}
	return err;
}

/* One more list of faults, that lives as long as all. */
static struct diags *add_diags(struct known *known)
{
	struct diags *diags = reallocarray(known->diags, known->diag_count + 1, sizeof(*diags));

	if (!diags)
		return NULL;
	known->diags = diags;
	diags[known->diag_count] = (struct diags){ 0 };
	return &diags[known->diag_count++];
}

static void append_include(struct text *text, const char *path)
{
	text_append_string(text, text->size ? ", \"" : "\"");
	for (const char *c = path; *c; c++)
		text_append_format(text, strchr("\"\\", *c) ? "\\%c" : "%c", *c);
	text_append_string(text, "\"");
}

/* Reads a policy that includes @files, as they stand in a list, and nothing else. */
static int read_files(struct known *known, const struct text *files, struct policy **ret_policy)
{
	struct diags *diags = add_diags(known);
	struct text text = { 0 };
	int err;

	text_append_string(&text, "tag: t\n");
	if (files->size)
		text_append_format(&text, "include: [%.*s]\n", (int)files->size, files->data);
	err = !diags || text.failed || files->failed ? -ENOMEM :
		policy_parse("services", text.data, text.size, NULL, diags, ret_policy);
	text_free(&text);
	return err;
}

/* What every policy has. */
static int add_implied(struct known *known)
{
	struct policy *policy = NULL;
	struct text none = { 0 };
	int err = read_files(known, &none, &policy);

	if (!err)
		err = add_services(known, policy, NULL, NULL);
	policy_free(policy);
	return err;
}

/* Reads a file alone, or with @others: services of these may be needed by its own. */
static int add_file(struct known *known, struct known_file *file, const struct text *others)
{
	struct policy *policy = NULL;
	struct text text = { 0 };
	int err;

	append_include(&text, file->path);
	if (others && others->size)
		text_append_format(&text, ", %.*s", (int)others->size, others->data);
	err = read_files(known, &text, &policy);
	if (!others)
		file->diags = known->diag_count - 1;
	if (!err)
		err = add_services(known, policy, file->path, file->include);
	file->read = !err;
	policy_free(policy);
	text_free(&text);
	return err;
}

static void append_read(const struct known *known, struct text *ret_files)
{
	size_t count = 1;

	for (size_t i = 0; i < known->file_count && count < FILES_MAX; i++) {
		if (!known->files[i].read)
			continue;
		append_include(ret_files, known->files[i].path);
		count++;
	}
}

/* Reads all that can be: alone, or with those that were. What cannot is told. */
static int add_files(struct known *known)
{
	bool progress = true;
	int err = 0;

	for (bool alone = true; progress; alone = false) {
		progress = alone;
		for (size_t i = 0; i < known->file_count; i++) {
			struct known_file *file = &known->files[i];
			struct text others = { 0 };

			if (file->read)
				continue;
			append_read(known, &others);
			err = add_file(known, file, alone ? NULL : &others);
			text_free(&others);
			if (err && err != -EINVAL)
				return err;
			progress |= !err;
		}
	}
	for (size_t i = 0; i < known->file_count; i++) {
		if (known->files[i].read)
			continue;
		diags_print(&known->diags[known->files[i].diags], stderr, *verb_style(stderr)->reset);
		say("%s is left out", known->files[i].path);
	}
	return 0;
}

/* Of those that every policy has, the services are known already. */
static int is_service_file(const struct dirent *entry)
{
	size_t size = strlen(entry->d_name);

	return size > strlen(SUFFIX) && !strcmp(entry->d_name + size - strlen(SUFFIX), SUFFIX) &&
	       *entry->d_name != '.';
}

static bool has_file(const struct known *known, const char *include)
{
	for (size_t i = 0; i < known->file_count; i++)
		if (!strcmp(known->files[i].include, include))
			return true;
	return false;
}

static int note_file(struct known *known, const char *path, const char *include)
{
	struct known_file *files = reallocarray(known->files, known->file_count + 1, sizeof(*files));
	struct known_file file = { .path = strdup(path), .include = strdup(include) };

	if (files)
		known->files = files;
	if (!files || !file.path || !file.include) {
		free(file.path);
		free(file.include);
		return -ENOMEM;
	}
	files[known->file_count++] = file;
	return 0;
}

/* @named: a policy finds its files by name. */
static int note_folder(struct known *known, const char *folder, bool named)
{
	struct dirent **entries = NULL;
	int count = scandir(folder, &entries, is_service_file, alphasort), err = 0;

	if (count < 0)
		return errno == ENOENT && named ? 0 : -errno;
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		char path[PATH_MAX], include[PATH_MAX];

		snprintf(include, sizeof(include), "%.*s", (int)(strlen(name) - strlen(SUFFIX)), name);
		if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
			err = err ?: -ENAMETOOLONG;
		if (!err && !has_file(known, named ? include : path))
			err = note_file(known, path, named ? include : path);
		free(entries[i]);
	}
	free(entries);
	return err;
}

static int compile(struct known *known)
{
	struct diags *diags = add_diags(known);
	int err = diags ? policy_compile(known->policy, NULL, 1, diags, &known->image) : -ENOMEM;

	if (err)
		say_errno(err, "the known services cannot be compiled");
	return err;
}

static int load(struct known *known, const char *const *named, const char *const *others, size_t other_count)
{
	char path[PATH_MAX];
	int err = -ENOMEM;

	known->policy = calloc(1, sizeof(*known->policy));
	if (known->policy) {
		known->policy->mode = MODE_AUDIT;
		known->policy->file = strdup("services");
		known->policy->tag = strdup("services");
	}
	if (known->policy && known->policy->file && known->policy->tag)
		err = add_implied(known);
	if (err)
		say_errno(err, "services");
	for (size_t i = 0; !err && i < other_count; i++) {
		err = realpath(others[i], path) ? note_folder(known, path, false) : -errno;
		if (err)
			say_errno(err, "%s", others[i]);
	}
	for (; !err && named && *named; named++) {
		err = note_folder(known, *named, true);
		if (err)
			say_errno(err, "%s", *named);
	}
	if (err)
		return err;
	err = add_files(known);
	if (err)
		say_errno(err, "services");
	return err ?: compile(known);
}

int known_load(const char *const *named, const char *const *others, size_t other_count,
	       struct known **ret_known)
{
	struct known *known = calloc(1, sizeof(*known));
	int err = known ? load(known, named, others, other_count) : -ENOMEM;

	if (err)
		known_free(known);
	else
		*ret_known = known;
	return err;
}

/* --- asking --------------------------------------------------------------------------------- */

size_t known_need(const struct known *known, size_t service, size_t number)
{
	const struct policy_service *it = &known->policy->services[service];

	for (size_t i = 0; i < it->need_count; i++)
		for (size_t k = 0; k < known->count; k++)
			if (!strcmp(it->needs[i].name, known->services[k].name) && !number--)
				return k;
	return known->count;
}

bool known_has_files(const struct known *known)
{
	return known->file_count;
}

size_t known_named(const struct known *known, const char *name)
{
	size_t i = 0;

	while (i < known->count && strcmp(known->services[i].name, name))
		i++;
	return i;
}

static bool same_bits(const uint8_t one[16], const uint8_t other[16], unsigned int bits)
{
	uint8_t mask = (uint8_t)(0xff00 >> bits % 8);

	return !memcmp(one, other, bits / 8) && (bits == 128 || !((one[bits / 8] ^ other[bits / 8]) & mask));
}

bool known_meets(const struct known *known, size_t service, const uint8_t addr[16], unsigned int bits)
{
	const struct policy_service *it = &known->policy->services[service];

	for (size_t i = 0; i < it->net_count; i++)
		if (same_bits(it->nets[i].addr, addr, it->nets[i].bits < bits ? it->nets[i].bits : bits))
			return true;
	return false;
}

size_t known_count(const struct known *known)
{
	return known->count;
}

const struct known_service *known_at(const struct known *known, size_t index)
{
	return &known->services[index];
}

size_t known_find(const struct known *known, const struct recorded *object)
{
	struct decision decision;

	if (!object->whole)
		return known->count;
	decision = object->class == CLASS_NET ?
		image_decide_net(known->image, object->addr, object->port, object->proto) :
		image_decide_path(known->image, object->class, ACCESS_READ, object->path, NULL, 0);
	return decision.rule < known->count ? decision.rule : known->count;
}

static bool has_path(const struct policy_path *paths, size_t count, const char *path)
{
	for (size_t i = 0; i < count; i++)
		if (!paths[i].tree && !strcmp(paths[i].path, path))
			return true;
	return false;
}

bool known_is_exact(const struct known *known, size_t service, const struct recorded *object)
{
	const struct policy_service *it = &known->policy->services[service];

	switch (object->class) {
	case CLASS_FILE:
		return has_path(it->files, it->file_count, object->path);
	case CLASS_EXEC:
		return has_path(it->execs, it->exec_count, object->path);
	case CLASS_SOCKET:
		return has_path(it->sockets, it->socket_count, object->path);
	default:
		for (size_t i = 0; i < it->net_count; i++)
			if (it->nets[i].bits == 128 &&
			    !memcmp(it->nets[i].addr, object->addr, sizeof(object->addr)))
				return true;
		return false;
	}
}

void known_free(struct known *known)
{
	if (!known)
		return;
	for (size_t i = 0; i < known->count; i++) {
		free(known->services[i].name);
		free(known->services[i].include);
	}
	free(known->services);
	for (size_t i = 0; i < known->file_count; i++) {
		free(known->files[i].path);
		free(known->files[i].include);
	}
	free(known->files);
	policy_free(known->policy);
	for (size_t i = 0; i < known->diag_count; i++)
		diags_free(&known->diags[i]);
	free(known->diags);
	free(known->image);
	free(known);
}
