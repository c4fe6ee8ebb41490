/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index.csv (RFC 4180 without line breaks in fields): a header that begins with `file,class`, then
 * a file and its class a line. Further columns are ignored; an empty class means none.
 */
#include <string.h>

#include "base/status.h"
#include "base/text.h"
#include "media/source.h"
#include "media/utf8.h"

#define FIELD_BYTES_MAX 1024

typedef struct cursor {
    const char *text;
    size_t size, at;
    size_t line, line_at; /* number from 1, and where it begins */
    td_error *err;
} cursor;

static td_status fail(const cursor *c, const char *what) {
    return tdi_fail_at(c->err, TD_FORMAT, (int64_t)c->line_at, "line %zu: %s", c->line, what);
}

static int at_line_end(const cursor *c) {
    return c->at == c->size || c->text[c->at] == '\n' ||
           (c->text[c->at] == '\r' && (c->at + 1 == c->size || c->text[c->at + 1] == '\n'));
}

static void skip_line(cursor *c) {
    while (c->at < c->size && c->text[c->at] != '\n')
        c->at++;
    if (c->at < c->size)
        c->at++;
}

/* Reads one field and the comma behind it. */
static td_status read_field(cursor *c, char out[FIELD_BYTES_MAX + 1]) {
    size_t used = 0;
    int quoted = c->at < c->size && c->text[c->at] == '"';
    c->at += (size_t)quoted;
    for (;; c->at++) {
        int at_end = at_line_end(c);
        if (quoted && at_end)
            return fail(c, "a quotation mark is not closed");
        if (at_end || (!quoted && c->text[c->at] == ','))
            break;
        if (quoted && c->text[c->at] == '"') {
            c->at++;
            if (at_line_end(c) || c->text[c->at] == ',')
                break;
            if (c->text[c->at] != '"')
                return fail(c, "a closing quotation mark must be followed by a comma");
        }
        if (used == FIELD_BYTES_MAX)
            return fail(c, "a field is too long");
        out[used++] = c->text[c->at];
    }
    out[used] = 0;
    if (tdi_utf8_check(out, used, "") != used)
        return fail(c, "a field has a control character or is not UTF-8");
    if (!at_line_end(c))
        c->at++;
    return TD_OK;
}

/* Whether a name leads to somewhere inside the folder. */
static int is_inside(const char *name) {
    if (!*name || *name == '/')
        return 0;
    for (const char *part = name; part; part = strchr(part, '/')) {
        part += *part == '/';
        size_t size = strcspn(part, "/");
        if (size == 0 || (size == 1 && part[0] == '.') || (size == 2 && !memcmp(part, "..", 2)))
            return 0;
    }
    return 1;
}

static td_status read_line(cursor *c, tdi_index_fn line, void *user) {
    char file[FIELD_BYTES_MAX + 1], class[FIELD_BYTES_MAX + 1];
    int64_t label = -1;
    TD_TRY(read_field(c, file));
    TD_TRY(read_field(c, class));
    if (!is_inside(file))
        return fail(c, "the file is not named by a path that stays inside the folder");
    if (*class && tdi_parse_int(class, 0, INT32_MAX, &label))
        return fail(c, "the class is not a number from 0");
    td_status status = line(user, file, (int32_t)label, c->err);
    skip_line(c);
    return status;
}

td_status tdi_index_parse(const char *text, size_t size, tdi_index_fn line, void *user,
                          td_error *err) {
    cursor c = {text, size, 0, 1, 0, err};
    char first[FIELD_BYTES_MAX + 1], second[FIELD_BYTES_MAX + 1];
    if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
        c.at = 3;
    TD_TRY(read_field(&c, first));
    TD_TRY(read_field(&c, second));
    if (strcmp(first, "file") || strcmp(second, "class"))
        return fail(&c, "the header is not \"file,class\"");
    skip_line(&c);
    while (c.at < c.size) {
        c.line++;
        c.line_at = c.at;
        if (at_line_end(&c))
            skip_line(&c);
        else
            TD_TRY(read_line(&c, line, user));
    }
    return TD_OK;
}
