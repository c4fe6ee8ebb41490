/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over the pictures: the uncut network and some cuts, each with all its strategies, on
 * every picture, with one sample per picture and strategy. What the samples say together is
 * eval.c's part.
 */
#ifndef TDI_LAB_SWEEP_H
#define TDI_LAB_SWEEP_H

#include "lab/measures.h"
#include "pipeline/pipeline.h"

/* One picture on the uncut network. */
typedef struct tdi_uncut_sample {
    double output_power; /* sum of squares of all outputs */
    int correct;         /* its first class is the picture's label; 0 without labels */
} tdi_uncut_sample;

/* One picture with one strategy. */
typedef struct tdi_sample {
    size_t bytes;
    double kl;
    tdi_distortion features;
    double output_error; /* sum of squared differences of all outputs */
    td_duration encode, decode;
    int agrees, correct;
} tdi_sample;

typedef struct tdi_sweep_cut {
    const char *cut;
    const char *const *strategies;
    size_t strategy_count;
    tdi_sample *samples; /* [strategy * picture_count + picture], filled in */
} tdi_sweep_cut;

typedef struct tdi_sweep {
    td_model *model;
    const td_source *source;
    const tdi_sweep_cut *cuts;
    size_t cut_count;
    tdi_uncut_sample *uncut; /* [picture], filled in */
    td_precision precision;  /* of heads and tails */
    int threads;             /* workers, each with one compute thread */
    td_progress_fn progress;
    void *progress_user;
} tdi_sweep;

/* The samples do not depend on the number of threads, except for the times in them. */
td_status tdi_sweep_run(const tdi_sweep *sweep, td_error *err);

#endif
