/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which operators behind a step's own become part of it.
 */
#ifndef TDI_ENGINE_FUSE_H
#define TDI_ENGINE_FUSE_H

#include "engine/plan.h"

/* Who reads a value: needed to know that nobody misses it when it is never stored. */
typedef struct tdi_readers {
    int count; /* uses by nodes, plus one for each graph output */
    int node;  /* the last reading node */
} tdi_readers;

/*
 * Extends `step` along its chain of only readers, as far as the step's backend can: normalization
 * into the weights, activations, one addition. `taken` marks nodes that belong to a step. Room for
 * one more input is behind step->inputs.
 */
td_status tdi_fuse(tdi_step *step, tdi_arena *arena, const tdi_graph *graph,
                   const tdi_readers *readers, unsigned char *taken, td_error *err);

#endif
