/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The growing string, numbers to and from text, and suggestions for misspelt names.
 */
#include "base/text.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void tdi_text_append_bytes(tdi_text *text, const char *data, size_t size) {
    if (text->failed)
        return;
    if (size >= SIZE_MAX - text->size ||
        tdi_grow(&text->data, &text->capacity, text->size + size + 1, 1)) {
        text->failed = 1;
        return;
    }
    memcpy(text->data + text->size, data, size);
    text->size += size;
    text->data[text->size] = 0;
}

void tdi_text_append(tdi_text *text, const char *format, ...) {
    if (text->failed)
        return;
    va_list args;
    va_start(args, format);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (size < 0 || tdi_grow(&text->data, &text->capacity, text->size + (size_t)size + 1, 1)) {
        text->failed = 1;
        return;
    }
    va_start(args, format);
    vsnprintf(text->data + text->size, (size_t)size + 1, format, args);
    va_end(args);
    text->size += (size_t)size;
}

char *tdi_text_take(tdi_text *text) {
    tdi_text_append_bytes(text, "", 0);
    char *data = text->data;
    if (text->failed) {
        tdi_free(data);
        data = NULL;
    }
    memset(text, 0, sizeof *text);
    return data;
}

void tdi_text_fini(tdi_text *text) {
    tdi_free(text->data);
    memset(text, 0, sizeof *text);
}

#define DISTANCE_BYTES_MAX 63

/* Levenshtein distance of two short names; a large number where one is too long to compare. */
static size_t distance(const char *a, const char *b) {
    size_t n = strlen(a), m = strlen(b);
    if (n > DISTANCE_BYTES_MAX || m > DISTANCE_BYTES_MAX)
        return SIZE_MAX;
    size_t row[DISTANCE_BYTES_MAX + 1];
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            size_t least = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            row[j] = change < least ? change : least;
        }
    }
    return row[m];
}

void tdi_text_suggest(tdi_text *text, const char *wanted, const char *const *names, size_t count) {
    const char *best[2] = {NULL, NULL};
    size_t best_distance[2] = {SIZE_MAX, SIZE_MAX};
    size_t limit = strlen(wanted) / 3 + 1;
    for (size_t i = 0; i < count; i++) {
        size_t d = distance(wanted, names[i]);
        if (d > limit)
            continue;
        if (d < best_distance[0]) {
            best[1] = best[0];
            best_distance[1] = best_distance[0];
            best[0] = names[i];
            best_distance[0] = d;
        } else if (d < best_distance[1]) {
            best[1] = names[i];
            best_distance[1] = d;
        }
    }
    if (best[1])
        tdi_text_append(text, " (did you mean \"%s\" or \"%s\"?)", best[0], best[1]);
    else if (best[0])
        tdi_text_append(text, " (did you mean \"%s\"?)", best[0]);
}

/* The library never calls setlocale(), but its user may; numbers in our formats have a point, so a
 * comma is refused. */
int tdi_parse_double(const char *text, double *out) {
    size_t size = strspn(text, "0123456789.eE+-");
    if (!size || text[size] || size > 64)
        return -1;
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (*end || !isfinite(value))
        return -1;
    *out = value;
    return 0;
}

int tdi_parse_int(const char *text, int64_t min, int64_t max, int64_t *out) {
    if (!*text || text[strspn(text, "0123456789+-")])
        return -1;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || *end || value < min || value > max)
        return -1;
    *out = value;
    return 0;
}

void tdi_format_float(float value, char *out, size_t out_bytes) {
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(out, out_bytes, "%.*g", digits, (double)value);
        if (strtof(out, NULL) == value)
            return;
    }
}
