/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "places.h"
#include "utf8.h"

static int places_allocate(const struct source *source, struct places *places)
{
	size_t lines = 1;

	for (size_t i = 0; i < source->size; i++)
		lines += source->text[i] == '\n';
	*places = (struct places){ .source = source };
	places->lines = calloc(lines, sizeof(*places->lines));
	places->steps = calloc(source->size / PLACES_STEP + 1, sizeof(*places->steps));
	return places->lines && places->steps ? 0 : -ENOMEM;
}

/* What YAML 1.2 calls printable (chapter 5.1), less the one that is only a byte order mark. */
static bool code_is_text(uint32_t code)
{
	if (code < 0x20)
		return code == '\t' || code == '\n' || code == '\r';
	if (code >= 0x7f && code < 0xa0)
		return code == 0x85;
	return code != 0xfeff && code != 0xfffe && code != 0xffff;
}

static void report_byte(const struct places *places, struct diags *diags, size_t offset,
			size_t length)
{
	const struct source *source = places->source;
	struct diag_where where = places_where(places, offset, offset + 1);
	unsigned int byte = (unsigned char)source->text[offset];

	if (!length)
		diags_add(diags, DIAG_ERROR, where, source->text, source->size,
			  "save the file as UTF-8 text", "byte 0x%02x is not valid UTF-8", byte);
	else
		diags_add(diags, DIAG_ERROR, where, source->text, source->size,
			  "remove it, if this is a text file at all",
			  "control characters are not allowed here (byte 0x%02x)", byte);
}

int places_read(const struct source *source, struct diags *diags, struct places *places)
{
	size_t length, offset, index = 0;
	int r = places_allocate(source, places);
	uint32_t code = '\n';

	if (r)
		return r;
	places->line_count = 1;
	for (offset = 0; offset < source->size; offset += length, index++) {
		length = utf8_decode(source->text + offset, source->size - offset, &code);
		if (!length || !code_is_text(code)) {
			report_byte(places, diags, offset, length);
			return -EINVAL;
		}
		if (index % PLACES_STEP == 0)
			places->steps[places->step_count++] = (uint32_t)offset;
		if (code == '\n')
			places->lines[places->line_count++] = (uint32_t)(offset + 1);
	}
	return 0;
}

size_t places_offset(const struct places *places, size_t index)
{
	const struct source *source = places->source;
	size_t step = index / PLACES_STEP;
	size_t offset;

	if (step >= places->step_count)
		return source->size;
	offset = places->steps[step];
	for (size_t i = index % PLACES_STEP; i && offset < source->size; i--) {
		uint32_t code;

		offset += utf8_decode(source->text + offset, source->size - offset, &code);
	}
	return offset;
}

struct diag_where places_where(const struct places *places, size_t start, size_t end)
{
	const struct source *source = places->source;
	size_t low = 0, high = places->line_count;
	size_t line_start, line_end;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (places->lines[middle] <= start)
			low = middle;
		else
			high = middle;
	}
	line_start = places->lines[low];
	line_end = low + 1 < places->line_count ? places->lines[low + 1] - 1 : source->size;
	if (end > line_end)
		end = line_end;
	return (struct diag_where){
		.file = source->name,
		.line = (unsigned int)low + 1,
		.col = (unsigned int)(start - line_start) + 1,
		.len = end > start ? (unsigned int)(end - start) : 1,
	};
}

void places_free(struct places *places)
{
	free(places->lines);
	free(places->steps);
	*places = (struct places){ 0 };
}
