/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folding constants into weights.
 */
#include "engine/weights.h"

#include <math.h>

#include "base/status.h"

int tdi_weights_init(tdi_weights *weights, tdi_arena *arena, tdi_tensor *kernel, int transposed,
                     const tdi_tensor *bias, double alpha, double beta) {
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
    tdi_hash kernel = tdi_tensor_key(weights->kernel);
    tdi_hasher_add(hasher, kernel.bytes, sizeof kernel.bytes);
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

static void scale_row_in_place(float *row, size_t count, double scale) {
    for (size_t i = 0; i < count; i++)
        row[i] = (float)(scale * (double)row[i]);
}

static void write_kernel(const tdi_weights *weights, float *out) {
    const float *kernel = weights->kernel->data;
    size_t outputs = (size_t)weights->outputs, inputs = (size_t)weights->inputs;
    for (size_t o = 0; o < outputs; o++) {
        float *to = out + o * inputs;
        if (weights->transposed)
            for (size_t i = 0; i < inputs; i++)
                to[i] = (float)(weights->scale[o] * (double)kernel[o + i * outputs]);
        else
            scale_row(to, kernel + o * inputs, inputs, weights->scale[o]);
    }
}

/* Of a kernel in a file whose order is right already: scaled where it is read. */
static td_status read_kernel(const tdi_weights *weights, float *out, td_error *err) {
    TD_TRY(tdi_tensor_read(weights->kernel, 0, out, weights->kernel->bytes, err));
    size_t inputs = (size_t)weights->inputs;
    for (int64_t o = 0; o < weights->outputs; o++)
        if (weights->scale[o] != 1)
            scale_row_in_place(out + (size_t)o * inputs, inputs, weights->scale[o]);
    return TD_OK;
}

td_status tdi_weights_kernel(const tdi_weights *weights, tdi_scratch *scratch, int changed,
                             float **out, td_error *err) {
    tdi_tensor *kernel = weights->kernel;
    if (!changed && !kernel->backed && tdi_weights_are_plain(weights)) {
        *out = kernel->data;
        return TD_OK;
    }
    *out = tdi_scratch_get(scratch, kernel->bytes);
    if (!*out)
        return tdi_fail_memory(err);
    if (kernel->backed && !weights->transposed)
        return read_kernel(weights, *out, err);
    TD_TRY(tdi_tensor_pin(kernel, err));
    write_kernel(weights, *out);
    tdi_tensor_unpin(kernel);
    return TD_OK;
}

void tdi_weights_write_bias(const tdi_weights *weights, float *out) {
    for (int64_t o = 0; o < weights->outputs; o++)
        out[o] = (float)weights->shift[o];
}
