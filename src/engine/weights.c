/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folding constants into weights.
 */
#include "engine/weights.h"

#include <math.h>

int tdi_weights_init(tdi_weights *weights, tdi_arena *arena, const tdi_tensor *kernel,
                     int transposed, const tdi_tensor *bias, double alpha, double beta) {
    const td_shape *shape = &kernel->shape;
    weights->kernel = kernel;
    weights->bias = bias;
    weights->transposed = transposed;
    weights->outputs = shape->dim[transposed ? shape->rank - 1 : 0];
    int64_t elements = td_shape_elements(shape);
    weights->inputs = weights->outputs > 0 ? elements / weights->outputs : 0;
    size_t count = (size_t)weights->outputs;
    weights->scale = tdi_arena_alloc(arena, count * sizeof(double));
    weights->shift = tdi_arena_alloc(arena, count * sizeof(double));
    if (!weights->scale || !weights->shift)
        return -1;
    const float *values = bias ? bias->data : NULL;
    int shared = bias && td_shape_elements(&bias->shape) == 1;
    for (size_t c = 0; c < count; c++) {
        weights->scale[c] = alpha;
        weights->shift[c] = values ? beta * (double)values[shared ? 0 : c] : 0;
    }
    return 0;
}

void tdi_weights_fold_norm(tdi_weights *weights, const float *scale, const float *shift,
                           const float *mean, const float *variance, float epsilon) {
    for (int64_t c = 0; c < weights->outputs; c++) {
        double factor = (double)scale[c] / sqrt((double)variance[c] + (double)epsilon);
        weights->scale[c] *= factor;
        weights->shift[c] = (weights->shift[c] - (double)mean[c]) * factor + (double)shift[c];
    }
}

td_status tdi_weights_hash(const tdi_weights *weights, tdi_hash *out, td_error *err) {
    tdi_hasher *hasher = tdi_hasher_new();
    if (!hasher)
        return tdi_fail_memory(err);
    int64_t form[3] = {weights->transposed, weights->outputs, weights->inputs};
    tdi_hasher_add(hasher, form, sizeof form);
    tdi_hasher_add(hasher, weights->kernel->data, weights->kernel->bytes);
    tdi_hasher_add(hasher, weights->scale, (size_t)weights->outputs * sizeof(double));
    *out = tdi_hasher_end(hasher);
    return TD_OK;
}

int tdi_weights_are_plain(const tdi_weights *weights) {
    for (int64_t c = 0; c < weights->outputs; c++)
        if (weights->scale[c] != 1)
            return 0;
    return !weights->transposed;
}

/* By itself, so that it is compiled to vectors. */
static void scale_row(float *restrict to, const float *restrict from, size_t count, double scale) {
    for (size_t i = 0; i < count; i++)
        to[i] = (float)(scale * (double)from[i]);
}

void tdi_weights_write_kernel(const tdi_weights *weights, float *out) {
    const float *kernel = weights->kernel->data;
    size_t outputs = (size_t)weights->outputs, inputs = (size_t)weights->inputs;
    size_t step = weights->transposed ? outputs : 1, row = weights->transposed ? 1 : inputs;
    for (size_t o = 0; o < outputs; o++) {
        const float *from = kernel + o * row;
        float *to = out + o * inputs;
        if (step == 1)
            scale_row(to, from, inputs, weights->scale[o]);
        else
            for (size_t i = 0; i < inputs; i++)
                to[i] = (float)(weights->scale[o] * (double)from[i * step]);
    }
}

void tdi_weights_write_bias(const tdi_weights *weights, float *out) {
    for (int64_t o = 0; o < weights->outputs; o++)
        out[o] = (float)weights->shift[o];
}
