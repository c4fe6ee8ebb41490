/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LRN: each element divided by a power of the squares of the channels around it.
 */
#include <math.h>

#include "engine/ops/ops.h"

#define BLOCK 512

typedef struct lrn {
    int64_t before, after; /* channels of the window besides the middle one */
    float alpha, beta, bias;
} lrn;

td_status tdi_ops_prepare_lrn(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                              const void **args, td_error *err) {
    int64_t size = tdi_node_int(node, "size", 1);
    lrn *l = tdi_arena_alloc(arena, sizeof *l);
    (void)graph;
    if (!l)
        return tdi_fail_memory(err);
    l->before = (size - 1) / 2;
    l->after = size - 1 - l->before;
    l->alpha = tdi_node_float(node, "alpha", 1e-4f) / (float)size;
    l->beta = tdi_node_float(node, "beta", 0.75f);
    l->bias = tdi_node_float(node, "bias", 1);
    *args = l;
    return TD_OK;
}

static void divide(const lrn *l, float *out, const float *in, const float *sum, int64_t count) {
    /* The exponent of all known networks; square roots are vector instructions, powers are not. */
    if (l->beta == 0.75f) {
        for (int64_t i = 0; i < count; i++) {
            float root = sqrtf(l->bias + l->alpha * sum[i]);
            out[i] = in[i] / (root * sqrtf(root));
        }
        return;
    }
    for (int64_t i = 0; i < count; i++)
        out[i] = in[i] / powf(l->bias + l->alpha * sum[i], l->beta);
}

void tdi_ops_run_lrn(const tdi_ops_call *call) {
    const lrn *l = call->args;
    const td_shape *shape = call->output.shape;
    const float *in = call->inputs[0].data;
    float *out = call->output.data;
    int64_t channels = shape->dim[1], planes = shape->dim[0] * channels;
    int64_t plane = td_shape_elements(shape) / planes;
    for (int64_t p = 0; p < planes; p++, in += plane, out += plane) {
        int64_t c = p % channels, first = c < l->before ? -c : -l->before;
        int64_t last = channels - 1 - c < l->after ? channels - 1 - c : l->after;
        for (int64_t at = 0; at < plane; at += BLOCK) {
            float sum[BLOCK] = {0};
            int64_t count = plane - at < BLOCK ? plane - at : BLOCK;
            for (int64_t near = first; near <= last; near++) {
                const float *x = in + near * plane + at;
                for (int64_t i = 0; i < count; i++)
                    sum[i] += x[i] * x[i];
            }
            divide(l, out + at, in + at, sum, count);
        }
    }
}
