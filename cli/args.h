/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of a verb, from one table: parsing and the help text.
 */
#ifndef TANDEM_CLI_ARGS_H
#define TANDEM_CLI_ARGS_H

#include <stddef.h>
#include <stdint.h>

typedef enum arg_kind {
    ARG_FLAG,     /* int: set to 1 */
    ARG_TEXT,     /* const char * */
    ARG_LIST,     /* arg_list: may be given several times */
    ARG_INTEGER,  /* int64_t, min..max */
    ARG_SUBSET,   /* int64_t[2]: "K/N" with K below N */
    ARG_PRECISION /* td_precision by name */
} arg_kind;

typedef struct arg_list {
    const char **items; /* NULL while empty */
    size_t count;
} arg_list;

typedef struct arg_option {
    const char *name; /* without the dashes */
    char letter;      /* 0: none */
    arg_kind kind;
    void *value;
    const char *metavar; /* NULL for a flag */
    const char *help;    /* lines after the first are indented by args */
    int64_t min, max;
} arg_option;

typedef struct arg_verb {
    const char *name;
    const char *usage;  /* "MODEL [--json]" */
    const char *about;  /* paragraphs above the options */
    const char *epilog; /* examples below the options */
    const arg_option *options;
    size_t option_count;
} arg_verb;

typedef enum args_result { ARGS_OK, ARGS_HELP, ARGS_BAD } args_result;

/*
 * Parses argv[1..]: options as "--name value" or "--name=value", everything after "--" as operands.
 * ARGS_HELP after the help was printed, ARGS_BAD after a sentence on standard error. Lists are
 * freed with args_list_free().
 */
args_result args_parse(const arg_verb *verb, int argc, char **argv, arg_list *operands);
void args_list_free(arg_list *list);

/* The name nearest to `wanted`, or NULL where none is near. */
const char *args_nearest(const char *wanted, const char *const *names, size_t count);

#endif
