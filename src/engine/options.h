/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ways of running each step of a plan, with what they take on this machine, and what copies
 * between the forms of a value take: remembered, or else measured.
 */
#ifndef TDI_ENGINE_OPTIONS_H
#define TDI_ENGINE_OPTIONS_H

#include "engine/program.h"

/* One way to run a step. Only common formats take part: what a format costs others must be known.
 */
typedef struct tdi_option {
    const tdi_backend *backend;
    int variant, alone;
    int in, out; /* forms of input 0; of the result and of an addend */
    td_duration time;
    int64_t weights_bytes;
} tdi_option;

#define TDI_OPTIONS_MAX 48

/* The options of all steps that do the same. */
typedef struct tdi_site {
    char *key;
    const char *types; /* what 8-bit operands are made of */
    td_precision precision;
    int count;
    tdi_option options[TDI_OPTIONS_MAX];
} tdi_site;

typedef struct tdi_options {
    tdi_program *program;
    tdi_timings *timings;
    tdi_arena arena;         /* of kernels that are only timed, and of all below */
    tdi_packs *packs;        /* of the same kernels */
    tdi_site **sites;        /* per step; NULL: there is no choice */
    td_duration **copies;    /* per value: TDI_FORMS x TDI_FORMS, 0 while unknown; NULL: all */
    int looked_at, reported; /* steps so far; whether something was measured */
} tdi_options;

/* Finds the options of all steps that have a choice. fini also after failure. */
td_status tdi_options_init(tdi_options *options, tdi_program *program, tdi_timings *timings,
                           td_error *err);
void tdi_options_fini(tdi_options *options);

/* What copying `value` into another form takes. */
td_status tdi_options_copy_time(tdi_options *options, int value, int from, int to, td_duration *out,
                                td_error *err);

#endif
