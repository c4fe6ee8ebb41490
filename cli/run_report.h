/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `tandem run` says about frames: a line or a JSON object each, and a summary of all.
 */
#ifndef TANDEM_CLI_RUN_REPORT_H
#define TANDEM_CLI_RUN_REPORT_H

#include <jansson.h>

#include <tandem/device.h>

/* Figures of which the summary gives the median. */
enum {
    RUN_IT,
    RUN_IC,
    RUN_EC,
    RUN_NETWORK,
    RUN_RTT,
    RUN_ES,
    RUN_IS,
    RUN_REST,
    RUN_QUEUE,
    RUN_FIGURES
};

typedef struct run_report {
    td_model *model;
    const char *server, *cut, *codec; /* server: NULL in one process */
    json_t *frames;                   /* NULL: lines of text instead */
    int lines;                        /* predictions printed per frame */
    double *figures[RUN_FIGURES];     /* [result], microseconds */
    size_t capacity;
    size_t frame_count, result_count;
    double bytes;
    size_t labelled, correct;  /* of the results */
    size_t compared, agreeing; /* with the uncut network */
    td_error dropped;          /* the first reason for a frame without a result */
} run_report;

/* How an outcome compares; -1: unknown. */
typedef struct run_verdict {
    int32_t label; /* the source's */
    int32_t uncut; /* first class of the uncut network */
} run_verdict;

void run_report_begin(run_report *report);
/* `outcome->id` is the frame's number. */
void run_report_add(run_report *report, const td_outcome *outcome, const char *source,
                    run_verdict verdict);
/* Prints the summary as text. */
void run_report_print(const run_report *report);
/* The whole document; the caller owns it. */
json_t *run_report_json(const run_report *report);
void run_report_fini(run_report *report);

#endif
