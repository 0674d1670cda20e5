/* SPDX-License-Identifier: BSD-2-Clause */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum service_field {
	SERVICE_NETS,
	SERVICE_PORTS,
	SERVICE_FILES,
	SERVICE_EXECS,
	SERVICE_SOCKETS,
	SERVICE_NEEDS,
	SERVICE_FIELDS,
};

static const char *const service_keys[SERVICE_FIELDS + 1] = {
	[SERVICE_NETS] = "nets",
	[SERVICE_PORTS] = "ports",
	[SERVICE_FILES] = "files",
	[SERVICE_EXECS] = "execs",
	[SERVICE_SOCKETS] = "sockets",
	[SERVICE_NEEDS] = "needs",
};

static const struct planned_key service_planned[] = {
	{ "hosts", "list addresses under nets; for large providers `ringfence import` writes them" },
	{ NULL, NULL },
};

static const struct map_type service_type = { "a service", service_keys, service_planned };

static void service_fields(struct checker *checker, const struct node *const *fields,
			   struct policy_service *service)
{
	service->nets = items_read(checker, fields[SERVICE_NETS], &net_items, &service->net_count);
	service->ports = items_read(checker, fields[SERVICE_PORTS], &port_items,
				    &service->port_count);
	service->files = items_read(checker, fields[SERVICE_FILES], &path_items,
				    &service->file_count);
	service->execs = items_read(checker, fields[SERVICE_EXECS], &path_items,
				    &service->exec_count);
	service->sockets = items_read(checker, fields[SERVICE_SOCKETS], &socket_items,
				      &service->socket_count);
	service->needs = items_read(checker, fields[SERVICE_NEEDS], &need_items, &service->need_count);
	if (fields[SERVICE_PORTS] && !fields[SERVICE_NETS])
		check_fault(checker, fields[SERVICE_PORTS],
			    "for every address write nets: [0.0.0.0/0, \"::/0\"]",
			    "\"ports\" without \"nets\": ports of which addresses?");
}

/* Reads one service into the next place of the policy's array. */
static void service_read(struct checker *checker, const struct node *key)
{
	struct policy *policy = checker->policy;
	struct policy_service *service = &policy->services[policy->service_count];
	struct service_state *state = &checker->states[policy->service_count];
	const struct node *fields[SERVICE_FIELDS];
	size_t errors = checker->diags->errors;
	const char *name = scalar_read(checker, key, "the name of a service", POLICY_STRING_MAX);

	if (!name)
		return;
	name_read(checker, key, "the name of a service");
	service->where = node_where(&checker->source, key);
	service->included = checker->included;
	service->implied = checker->implied;
	service->name = strdup(name);
	if (!service->name) {
		checker->out_of_memory = true;
		return;
	}
	policy->service_count++;
	if (node_is_null(key->value)) {
		check_fault(checker, key, "give it nets, files, execs or sockets",
			    "the service \"%.80s\" has no keys", name);
	} else {
		fields_read(checker, key->value, &service_type, fields);
		service_fields(checker, fields, service);
	}
	state->faulty = checker->tree_faulty || errors != checker->diags->errors;
}

/* Makes room for @more services. */
static bool services_grow(struct checker *checker, size_t more)
{
	size_t old = checker->policy->service_count;
	struct policy_service *services;
	struct service_state *states;

	services = reallocarray(checker->policy->services, old + more, sizeof(*services));
	if (services)
		checker->policy->services = services;
	states = reallocarray(checker->states, old + more, sizeof(*states));
	if (states)
		checker->states = states;
	if (!services || !states) {
		checker->out_of_memory = true;
		return false;
	}
	memset(services + old, 0, more * sizeof(*services));
	memset(states + old, 0, more * sizeof(*states));
	return true;
}

void services_read(struct checker *checker, const struct node *key)
{
	const struct node *map = key->value;

	if (map->kind != NODE_MAP || !map->count) {
		checker->services_missing = true;
		if (map->kind != NODE_BAD)
			check_fault(checker, key, "write services: {NAME: {nets: [192.0.2.0/24]}}",
				    "\"services\" is a mapping of names to services");
		return;
	}
	if (!services_grow(checker, map->count))
		return;
	for (const struct node *service = map->first; service; service = service->next)
		service_read(checker, service);
}

static int compare_names(const void *a, const void *b)
{
	const struct policy_service *left = *(const struct policy_service *const *)a;
	const struct policy_service *right = *(const struct policy_service *const *)b;
	int order = strcmp(left->name, right->name);

	return order ? order : left < right ? -1 : left > right;
}

/* Reports each service of the file just read, those from @from on, whose name is taken. */
void services_compare(struct checker *checker, size_t from)
{
	const struct policy *policy = checker->policy;
	const struct policy_service **sorted, *first;

	if (from == policy->service_count)
		return;
	sorted = check_alloc(checker, policy->service_count, sizeof(const struct policy_service *));
	if (!sorted)
		return;
	for (size_t i = 0; i < policy->service_count; i++)
		sorted[i] = &policy->services[i];
	qsort(sorted, policy->service_count, sizeof(*sorted), compare_names);
	first = sorted[0];
	for (size_t i = 1; i < policy->service_count; i++) {
		if (strcmp(first->name, sorted[i]->name))
			first = sorted[i];
		else if (sorted[i] >= policy->services + from)
			check_fault_at(checker, sorted[i]->where, "rename or remove one of the two",
				       "the service \"%.80s\" is defined twice; first at %s:%u:%u",
				       first->name, first->where.file, first->where.line,
				       first->where.col);
	}
	free(sorted);
}

/* --- includes ------------------------------------------------------------------------------ */

static void included_services(struct checker *checker)
{
	static const char *const keys[] = { "services", NULL };
	static const struct map_type type = { "a service file", keys, NULL };
	size_t from = checker->policy->service_count;
	struct tree *tree = read_tree(checker);
	const struct node *fields[1] = { NULL };

	if (tree)
		fields_read(checker, tree_root(tree), &type, fields);
	if (fields[0])
		services_read(checker, fields[0]);
	else
		checker->services_missing = true;
	if (tree && tree_root(tree)->kind == NODE_MAP && !key_meant(tree_root(tree), keys))
		check_fault_at(checker, (struct diag_where){ .file = checker->source.name },
			       "write services: {NAME: {nets: [192.0.2.0/24]}}",
			       "the service file has no services");
	if (!checker->implied)
		services_compare(checker, from);
	tree_free(tree);
}

static bool included_before(const struct checker *checker, const char *name)
{
	for (size_t i = 0; i < checker->include_count; i++)
		if (!strcmp(checker->includes[i], name))
			return true;
	return false;
}

void services_include(struct checker *checker, struct source source)
{
	struct source policy_source = checker->source;
	bool policy_faulty = checker->tree_faulty;

	checker->included = true;
	checker->source = source;
	included_services(checker);
	checker->included = false;
	checker->source = policy_source;
	checker->tree_faulty = policy_faulty;
}

static void include_item(struct checker *checker, const struct node *item)
{
	const char *name;
	char *path, *text;
	size_t size;

	if (!include_read(checker, item, &path, &text, &size)) {
		checker->services_missing = true;
		return;
	}
	name = diags_file(checker->diags, path);
	if (included_before(checker, name)) {
		check_fault(checker, item, "remove one of the two", "%s is included already", name);
	} else {
		checker->includes[checker->include_count++] = name;
		services_include(checker, source_make(name, text, size));
	}
	free(path);
	free(text);
}

void includes_read(struct checker *checker, const struct node *key)
{
	const struct node *list = list_node(checker, key);

	checker->services_missing |= !list;
	for (const struct node *item = list ? list->first : NULL; item; item = item->next) {
		if (checker->include_count == POLICY_INCLUDE_MAX) {
			check_fault(checker, item, "merge some of them", "more than %d includes",
				    POLICY_INCLUDE_MAX);
			checker->services_missing = true;
			return;
		}
		include_item(checker, item);
	}
}

static void paths_free(struct policy_path *paths, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(paths[i].path);
	free(paths);
}

void policy_service_free(struct policy_service *service)
{
	paths_free(service->files, service->file_count);
	paths_free(service->execs, service->exec_count);
	paths_free(service->sockets, service->socket_count);
	needs_free(service->needs, service->need_count);
	free(service->nets);
	free(service->ports);
	free(service->name);
}
