/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a policy, and what is one as a ruleset. The corpus is selftests/unit/good, bad and lint. */
#include <stdint.h>
#include <stdlib.h>

#include "policy/compile.h"
#include "policy/consider.h"
#include "policy/image.h"
#include "policy/lint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Exactly one entry wins, as decided. */
static void check_winner(struct consideration *list, struct decision decision)
{
	size_t winners = 0;

	for (size_t i = 0; i < list->count; i++) {
		winners += list->list[i].wins;
		if (list->list[i].wins && list->list[i].number != decision.rule)
			abort();
	}
	if (winners != 1)
		abort();
	consideration_free(list);
}

/* Asks about the first address and the first path of each service, with the policy and without. */
static void ask(const struct policy *policy, const struct ruleset *image)
{
	for (size_t i = 0; i < 2 * policy->service_count && i < 64; i++) {
		const struct policy_service *service = &policy->services[i / 2];
		const struct policy *told = i % 2 ? policy : NULL;
		uint16_t port = service->port_count ? service->ports[0].lo : 0;
		struct consideration list;
		enum object_class object;
		enum protocol proto = (enum protocol)(i % (PROTO_COUNT + 1));

		if (service->net_count && !consider_net(image, told, service->nets[0].addr, port, proto, &list))
			check_winner(&list, image_decide_net(image, service->nets[0].addr, port, proto));
		if (service->file_count &&
		    !consider_open(image, told, ACCESS_READ, service->files[0].path, NULL, 0, &list))
			check_winner(&list, image_decide_open(image, ACCESS_READ, service->files[0].path, NULL, 0,
							      &object));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diags diags = { 0 };
	struct policy *policy = NULL;
	struct ruleset *image = NULL;
	FILE *out = fopen("/dev/null", "w");
	int r = policy_parse("selftests/unit/good/fuzz.yaml", (const char *)data, size, NULL, &diags,
			     &policy);

	/* A policy comes without errors, and errors without a policy. */
	if (!r != !diags.errors || !r != !!policy)
		abort();
	/* What compiles is sound; what does not says why. */
	if (policy && !policy_compile(policy, NULL, 1, &diags, &image)) {
		if (image_verify(image, image->size))
			abort();
		if (policy_lint(policy, image, &diags) || diags.errors)
			abort();
		ask(policy, image);
	} else if (!diags.errors) {
		abort();
	}
	if (out) {
		diags_print(&diags, out, size & 1);
		fclose(out);
	}
	free(image);
	policy_free(policy);
	diags_free(&diags);
	return 0;
}
