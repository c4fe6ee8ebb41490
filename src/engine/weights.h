/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The weights of a convolution or dense layer with everything constant that follows folded in:
 * a recipe that is cheap to keep and to compare, and carried out only when nobody has the packed
 * result yet.
 */
#ifndef TDI_ENGINE_WEIGHTS_H
#define TDI_ENGINE_WEIGHTS_H

#include "engine/packs.h"
#include "graph/graph.h"

typedef struct tdi_weights {
    tdi_tensor *kernel;      /* of a convolution: output channels first */
    const tdi_tensor *bias;  /* one element per output, or one for all; NULL: none */
    int transposed;          /* outputs are the last axis of `kernel`, to be made the first */
    int64_t outputs, inputs; /* elements of the kernel are outputs * inputs */
    double *scale, *shift;   /* per output: result = scale * (kernel * x) + shift */
} tdi_weights;

/* Starts a recipe: scale `alpha`, shift `beta` * bias. The arrays live in `arena`. -1: no memory.
 */
int tdi_weights_init(tdi_weights *weights, tdi_arena *arena, tdi_tensor *kernel, int transposed,
                     const tdi_tensor *bias, double alpha, double beta);

/* Follows it with scale[c] * (y - mean[c]) / sqrt(variance[c] + epsilon) + shift[c]. */
void tdi_weights_fold_norm(tdi_weights *weights, const float *scale, const float *shift,
                           const float *mean, const float *variance, float epsilon);

/* What identifies the folded kernel's content. TD_MEMORY. */
td_status tdi_weights_hash(const tdi_weights *weights, tdi_hash *out, td_error *err);

/* Whether the folded kernel is the kernel as it lies in memory. */
int tdi_weights_are_plain(const tdi_weights *weights);
/* The folded kernel, outputs x inputs: in `scratch`, or, unless it is to be `changed`, where the
 * plain one lies. */
td_status tdi_weights_kernel(const tdi_weights *weights, tdi_scratch *scratch, int changed,
                             float **out, td_error *err);
/* The bias. Both are computed in double and rounded once. */
void tdi_weights_write_bias(const tdi_weights *weights, float *out);

#endif
