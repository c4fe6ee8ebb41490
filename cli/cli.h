/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the verbs of the command line share: how they fail, and how they end.
 */
#ifndef TANDEM_CLI_CLI_H
#define TANDEM_CLI_CLI_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <tandem/base.h>
#include <tandem/model.h>
#include <tandem/picture.h>
#include <tandem/tensor.h>

#include "args.h"

/* Exit codes. */
enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* Verbs; argv[0] is the verb. They return an exit code. */
int verb_inspect(int argc, char **argv);
int verb_split(int argc, char **argv);
int verb_prepare(int argc, char **argv);
int verb_serve(int argc, char **argv);
int verb_run(int argc, char **argv);
int verb_eval(int argc, char **argv);

/* Prints "tandem VERB: message" and returns CLI_FAILED. */
int cli_fail(const char *verb, const td_error *err);
int cli_fail_text(const char *verb, const char *format, ...) TD_PRINTF(2, 3);
/* The same for a command line that cannot be understood: adds where help is, returns CLI_USAGE. */
int cli_usage(const char *verb, const char *format, ...) TD_PRINTF(2, 3);

/* Writes the document to standard output and drops the reference; CLI_FAILED where there is none
 * for want of memory. */
int cli_print_json(const char *verb, json_t *document);
/* Flushes standard output: `code`, or CLI_FAILED with a sentence where something could not be
 * written. */
int cli_finish(const char *verb, int code);

/* JSON has neither NaN nor infinity: null stands for a figure that does not exist. */
json_t *cli_json_real(double value);
/* A name from a file system, which may be no UTF-8: its bytes above 127 are then "?". */
json_t *cli_json_text(const char *text);
/* Dimensions without the batch axis. */
json_t *cli_json_shape_of_one(const td_shape *shape);

/* Opens paths as one list, narrowed by `--subset` (n 0: all) and `--limit` (0: all). */
td_status cli_open_source(const char *const *paths, size_t path_count, const int64_t subset[2],
                          int64_t limit, td_source **out, td_error *err);

/* How a model is opened: an option that verbs which take a model file have, and what it says. Freed
 * with cli_opening_free(), also after failure. */
#define CLI_INPUT_SHAPE_OPTION(list)                                                               \
    {                                                                                              \
        "input-shape", 0, ARG_LIST, list, "[NAME=]SHAPE",                                          \
            "sizes of an input that the file leaves open: 1x3x640x640, or\n"                       \
            "Nx3x640x640; may be given several times",                                             \
            0, 0                                                                                   \
    }
td_status cli_opening_parse(const arg_list *shapes, td_model_settings *out, td_error *err);
void cli_opening_free(td_model_settings *settings);

/* Memory that a command line tool cannot go on without: ends the program where there is none. */
void *cli_alloc(size_t count, size_t bytes);
void *cli_realloc(void *ptr, size_t bytes);

#endif
