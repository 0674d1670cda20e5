/* SPDX-License-Identifier: BSD-2-Clause */
#include "siphash.h"

#include <endian.h>
#include <string.h>
#include <sys/random.h>

struct siphash_key siphash_key_new(void)
{
	struct siphash_key key = { 0 };

	/* Bytes as few as these come as a whole or, before the first entropy, later: it waits. */
	if (getrandom(&key, sizeof(key), 0) != sizeof(key))
		key.k0 = (uintptr_t)&key;
	return key;
}

static uint64_t rotate(uint64_t x, unsigned int bits)
{
	return x << bits | x >> (64 - bits);
}

static void rounds(uint64_t v[4], unsigned int count)
{
	while (count--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32) + v[3];
		v[2] += v[1];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[2] = rotate(v[2], 32);
	}
}

static void compress(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	rounds(v, 2);
	v[0] ^= word;
}

uint64_t siphash(const struct siphash_key *key, const void *bytes, size_t size)
{
	uint64_t v[4] = {
		key->k0 ^ UINT64_C(0x736f6d6570736575), key->k1 ^ UINT64_C(0x646f72616e646f6d),
		key->k0 ^ UINT64_C(0x6c7967656e657261), key->k1 ^ UINT64_C(0x7465646279746573),
	};
	const unsigned char *at = bytes, *end = at + size / 8 * 8;
	uint64_t word;

	for (; at < end; at += 8) {
		memcpy(&word, at, 8);
		compress(v, le64toh(word));
	}
	word = 0;
	memcpy(&word, at, size % 8);
	compress(v, le64toh(word) | (uint64_t)size << 56);
	v[2] ^= 0xff;
	rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
