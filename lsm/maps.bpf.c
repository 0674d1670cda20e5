// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The maps that all programs share. What they hold stands in maps.bpf.h.
 */
#include "maps.bpf.h"

struct tags_map tags SEC(".maps");
struct rulesets_map rulesets SEC(".maps");
struct runs_map runs SEC(".maps");
struct logged_map logged SEC(".maps");
struct ring_map ring SEC(".maps");
struct losses_map losses SEC(".maps");
struct about_map about SEC(".maps");
struct scratches_map scratches SEC(".maps");

char LICENSE[] SEC("license") = "Dual BSD/GPL";
