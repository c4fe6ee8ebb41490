/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define CELL_BYTES 512

table table_begin(const char *align) {
    const table empty = {align, NULL, 0};
    return empty;
}

void table_cell(table *t, const char *format, ...) {
    char text[CELL_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    t->cells = cli_realloc(t->cells, (t->count + 1) * sizeof *t->cells);
    t->cells[t->count] = cli_alloc(strlen(text) + 1, 1);
    memcpy(t->cells[t->count++], text, strlen(text) + 1);
}

void table_end(table *t) {
    size_t columns = strlen(t->align);
    size_t *widths = cli_alloc(columns, sizeof *widths);
    for (size_t i = 0; i < t->count; i++) {
        size_t width = strlen(t->cells[i]);
        if (width > widths[i % columns])
            widths[i % columns] = width;
    }
    for (size_t i = 0; i < t->count; i++) {
        size_t column = i % columns;
        int last = column + 1 == columns;
        int width = last && t->align[column] == 'l' ? 0 : (int)widths[column];
        printf(t->align[column] == 'l' ? "%-*s" : "%*s", width, t->cells[i]);
        fputs(last ? "\n" : "  ", stdout);
        free(t->cells[i]);
    }
    free(t->cells);
    free(widths);
    t->cells = NULL;
    t->count = 0;
}
