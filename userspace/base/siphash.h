/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF"): a hash that nobody can find equal
 * values for who does not know the key. For tables of texts that processes choose, where two texts of one hash
 * would hide what one of them did.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t k0, k1;
};

/* A key from getrandom(2). */
struct siphash_key siphash_key_new(void);

uint64_t siphash(const struct siphash_key *key, const void *bytes, size_t size);
