/* SPDX-License-Identifier: BSD-2-Clause */
/* UTF-8, as RFC 3629 defines it: no overlong forms, no surrogates, nothing past U+10FFFF. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Decodes the first character of @text. Returns its length in bytes, or 0 where @size bytes do not
 * begin with a valid one. */
static inline size_t utf8_decode(const char *text, size_t size, uint32_t *ret_code)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *byte = (const unsigned char *)text;
	size_t length;
	uint32_t code;

	if (!size)
		return 0;
	if (byte[0] < 0x80) {
		*ret_code = byte[0];
		return 1;
	}
	length = byte[0] < 0xc0 ? 0 : byte[0] < 0xe0 ? 2 : byte[0] < 0xf0 ? 3 : byte[0] < 0xf8 ? 4 : 0;
	if (!length || length > size)
		return 0;
	code = byte[0] & (0x7f >> length);
	for (size_t i = 1; i < length; i++) {
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (byte[i] & 0x3f);
	}
	if (code < smallest[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*ret_code = code;
	return length;
}
