/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table on standard output with columns as wide as their widest cell.
 */
#ifndef TANDEM_CLI_TABLE_H
#define TANDEM_CLI_TABLE_H

#include <stddef.h>

#include <tandem/base.h>

typedef struct table {
    const char *align; /* one 'l' or 'r' a column */
    char **cells;      /* row by row */
    size_t count;
} table;

table table_begin(const char *align);
void table_cell(table *t, const char *format, ...) TD_PRINTF(2, 3);
/* Prints and frees. */
void table_end(table *t);

#endif
