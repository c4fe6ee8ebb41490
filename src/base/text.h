/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing string.
 */
#ifndef TDI_BASE_TEXT_H
#define TDI_BASE_TEXT_H

#include <tandem/base.h>

typedef struct tdi_text {
    char *data; /* NUL-terminated; NULL while empty */
    size_t size, capacity;
    int failed; /* memory ran out; what was appended since is missing */
} tdi_text;     /* zero-initialized is empty and ready */

void tdi_text_append(tdi_text *text, const char *format, ...) TD_PRINTF(2, 3);
void tdi_text_append_bytes(tdi_text *text, const char *data, size_t size);
/* The string, to be freed with tdi_free(); NULL where memory ran out. The text is empty afterwards.
 */
char *tdi_text_take(tdi_text *text);
void tdi_text_fini(tdi_text *text);

/*
 * Appends names near to `wanted` to a message, as in " (did you mean "relu" or "relu1"?)"; nothing
 * where none is near.
 */
void tdi_text_suggest(tdi_text *text, const char *wanted, const char *const *names, size_t count);

/* Parses a finite number without locale; `text` must be used up. 0, or -1. */
int tdi_parse_double(const char *text, double *out);
int tdi_parse_int(const char *text, int64_t min, int64_t max, int64_t *out);
/* Shortest text that reads back to the same float, as "0.1". At least 32 bytes. */
void tdi_format_float(float value, char *out, size_t out_bytes);

#endif
