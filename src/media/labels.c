/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Label files. Labels are printed on terminals and in JSON: control characters and what is not
 * UTF-8 are refused.
 */
#include "media/labels.h"

#include <string.h>

#include "base/memory.h"
#include "media/utf8.h"

#define FILE_BYTES_MAX  (16u << 20)
#define LINE_BYTES_MAX  4096
#define LABEL_COUNT_MAX 1000000

typedef struct label {
    const char *id, *name, *description;
} label;

struct tdi_labels {
    tdi_arena arena;
    label *labels;
    size_t count, capacity;
};

typedef struct line {
    const char *text;
    size_t size;
    size_t number, offset; /* number counts from 1 */
} line;

/* Takes the next line out of `text`, without its end; 0 at the end. */
static int line_next(const char *text, size_t size, size_t *at, line *out) {
    if (*at == size)
        return 0;
    const char *begin = text + *at;
    const char *newline = memchr(begin, '\n', size - *at);
    out->text = begin;
    out->size = newline ? (size_t)(newline - begin) : size - *at;
    out->offset = *at;
    out->number++;
    *at += out->size + (newline ? 1 : 0);
    if (out->size && begin[out->size - 1] == '\r')
        out->size--;
    return 1;
}

static td_status check_line(const line *l, td_error *err) {
    if (!l->size)
        return tdi_fail_at(err, TD_FORMAT, (int64_t)l->offset,
                           "line %zu is empty: every line is one class", l->number);
    if (l->size > LINE_BYTES_MAX)
        return tdi_fail_at(err, TD_LIMIT, (int64_t)l->offset, "line %zu has more than %d bytes",
                           l->number, LINE_BYTES_MAX);
    size_t tabs = 0;
    for (size_t i = 0; i < l->size; i++)
        tabs += l->text[i] == '\t';
    if (tabs > 2)
        return tdi_fail_at(err, TD_FORMAT, (int64_t)l->offset,
                           "line %zu has %zu tabs; id, name and description need two", l->number,
                           tabs);
    size_t bad = tdi_utf8_check(l->text, l->size, "\t");
    if (bad != l->size)
        return tdi_fail_at(err, TD_FORMAT, (int64_t)(l->offset + bad),
                           "line %zu has a control character or is not UTF-8", l->number);
    return TD_OK;
}

/* "n01440764 tench, Tinca tinca": the id of a WordNet synset, then its words. */
static int is_synset(const line *l) {
    if (l->size < 11 || l->text[0] != 'n' || l->text[9] != ' ' || memchr(l->text, '\t', l->size))
        return 0;
    for (int i = 1; i < 9; i++)
        if (l->text[i] < '0' || l->text[i] > '9')
            return 0;
    return 1;
}

/* Copies what comes before `end` and steps behind it. */
static const char *field(tdi_arena *arena, const char **at, const char *stop, char end) {
    const char *found = memchr(*at, end, (size_t)(stop - *at));
    const char *last = found ? found : stop;
    const char *copy = tdi_arena_strndup(arena, *at, (size_t)(last - *at));
    *at = found ? found + 1 : stop;
    return copy;
}

static td_status add_line(tdi_labels *labels, const line *l, td_error *err) {
    if (labels->count == LABEL_COUNT_MAX)
        return tdi_fail_at(err, TD_LIMIT, (int64_t)l->offset, "more than %d labels",
                           LABEL_COUNT_MAX);
    if (tdi_grow(&labels->labels, &labels->capacity, labels->count + 1, sizeof(label)))
        return tdi_fail_memory(err);
    const char *at = l->text, *stop = l->text + l->size;
    tdi_arena *arena = &labels->arena;
    label next = {"", NULL, ""};
    if (is_synset(l)) {
        next.id = field(arena, &at, stop, ' ');
        next.name = field(arena, &at, stop, ',');
        while (at < stop && *at == ' ')
            at++;
        next.description = field(arena, &at, stop, '\t');
    } else {
        if (memchr(l->text, '\t', l->size))
            next.id = field(arena, &at, stop, '\t');
        next.name = field(arena, &at, stop, '\t');
        next.description = field(arena, &at, stop, '\t');
    }
    if (!next.id || !next.name || !next.description)
        return tdi_fail_memory(err);
    if (!*next.name)
        return tdi_fail_at(err, TD_FORMAT, (int64_t)l->offset, "line %zu gives no name", l->number);
    labels->labels[labels->count++] = next;
    return TD_OK;
}

td_status tdi_labels_parse(const char *text, size_t size, tdi_labels **out, td_error *err) {
    if (size > FILE_BYTES_MAX)
        return tdi_fail(err, TD_LIMIT, "%zu bytes of labels; at most %u are accepted", size,
                        FILE_BYTES_MAX);
    tdi_labels *labels = tdi_calloc(1, sizeof *labels);
    if (!labels)
        return tdi_fail_memory(err);
    while (size && (text[size - 1] == '\n' || text[size - 1] == '\r'))
        size--;
    size_t at = size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;
    td_status status = TD_OK;
    line l = {0};
    while (status == TD_OK && line_next(text, size, &at, &l)) {
        status = check_line(&l, err);
        if (status == TD_OK)
            status = add_line(labels, &l, err);
    }
    if (status == TD_OK && !labels->count)
        status = tdi_fail(err, TD_FORMAT, "there are no labels: give one class a line");
    if (status == TD_OK)
        *out = labels;
    else
        tdi_labels_free(labels);
    return status;
}

void tdi_labels_free(tdi_labels *labels) {
    if (!labels)
        return;
    tdi_arena_free(&labels->arena);
    tdi_free(labels->labels);
    tdi_free(labels);
}

size_t tdi_labels_count(const tdi_labels *labels) {
    return labels->count;
}

const char *tdi_labels_id(const tdi_labels *labels, size_t index) {
    return labels->labels[index].id;
}

const char *tdi_labels_name(const tdi_labels *labels, size_t index) {
    return labels->labels[index].name;
}

const char *tdi_labels_description(const tdi_labels *labels, size_t index) {
    return labels->labels[index].description;
}
