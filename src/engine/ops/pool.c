/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pooling with every kind of window, and over all of a channel.
 */
#include <math.h>
#include <string.h>

#include "engine/ops/ops.h"

typedef struct pool {
    tdi_window window; /* two axes, the first of one element where there is one only */
    int average, include_pad;
} pool;

td_status tdi_ops_prepare_pool(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                               const void **args, td_error *err) {
    pool *p = tdi_arena_alloc(arena, sizeof *p);
    if (!p)
        return tdi_fail_memory(err);
    p->average = strcmp(node->op->type, "AveragePool") == 0;
    p->include_pad = tdi_node_int(node, "count_include_pad", 0) != 0;
    TD_TRY(tdi_window_resolve(graph, node, NULL, &p->window, err));
    tdi_window *w = &p->window;
    if (w->axes == 1) {
        w->kernel[1] = w->kernel[0], w->stride[1] = w->stride[0];
        w->dilation[1] = w->dilation[0], w->in[1] = w->in[0], w->out[1] = w->out[0];
        w->pad_begin[1] = w->pad_begin[0], w->pad_end[1] = w->pad_end[0];
        w->kernel[0] = w->stride[0] = w->dilation[0] = w->in[0] = w->out[0] = 1;
        w->pad_begin[0] = w->pad_end[0] = 0;
    }
    *args = p;
    return TD_OK;
}

/* Taps of a window that begins at `begin` and lie before `end`, counted from tap 0. */
static int64_t taps_before(const tdi_window *w, int axis, int64_t begin, int64_t end) {
    int64_t taps = begin >= end ? 0 : (end - 1 - begin) / w->dilation[axis] + 1;
    return taps < w->kernel[axis] ? taps : w->kernel[axis];
}

static float pool_one(const pool *p, const float *plane, int64_t y, int64_t x) {
    const tdi_window *w = &p->window;
    int64_t top = y * w->stride[0] - w->pad_begin[0], left = x * w->stride[1] - w->pad_begin[1];
    int64_t rows = taps_before(w, 0, top, w->in[0]), columns = taps_before(w, 1, left, w->in[1]);
    double sum = 0;
    float most = -INFINITY;
    int64_t count = 0;
    for (int64_t i = taps_before(w, 0, top, 0); i < rows; i++) {
        const float *line = plane + (top + i * w->dilation[0]) * w->in[1];
        for (int64_t j = taps_before(w, 1, left, 0); j < columns; j++) {
            float value = line[left + j * w->dilation[1]];
            sum += (double)value;
            most = value > most || value != value ? value : most;
            count++;
        }
    }
    if (!p->average)
        return most;
    if (p->include_pad) /* what lies beyond the padding does not count */
        count = taps_before(w, 0, top, w->in[0] + w->pad_end[0]) *
                taps_before(w, 1, left, w->in[1] + w->pad_end[1]);
    return (float)(sum / (double)count);
}

void tdi_ops_run_pool(const tdi_ops_call *call) {
    const pool *p = call->args;
    const tdi_window *w = &p->window;
    const float *in = call->inputs[0].data;
    float *out = call->output.data;
    int64_t planes = call->output.shape->dim[0] * call->output.shape->dim[1];
    for (int64_t plane = 0; plane < planes; plane++, in += w->in[0] * w->in[1])
        for (int64_t y = 0; y < w->out[0]; y++)
            for (int64_t x = 0; x < w->out[1]; x++)
                *out++ = pool_one(p, in, y, x);
}

td_status tdi_ops_prepare_global(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                                 const void **args, td_error *err) {
    int *average = tdi_arena_alloc(arena, sizeof *average);
    (void)graph;
    if (!average)
        return tdi_fail_memory(err);
    *average = strcmp(node->op->type, "GlobalAveragePool") == 0;
    *args = average;
    return TD_OK;
}

void tdi_ops_run_global(const tdi_ops_call *call) {
    int average = *(const int *)call->args;
    const float *in = call->inputs[0].data;
    float *out = call->output.data;
    int64_t channels = td_shape_elements(call->output.shape);
    int64_t count = channels > 0 ? td_shape_elements(call->inputs[0].shape) / channels : 0;
    for (int64_t c = 0; c < channels; c++, in += count) {
        double sum = 0;
        float most = -INFINITY;
        for (int64_t i = 0; i < count; i++) {
            sum += (double)in[i];
            most = in[i] > most || in[i] != in[i] ? in[i] : most;
        }
        out[c] = average ? (float)(sum / (double)count) : most;
    }
}
