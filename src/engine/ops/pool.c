/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pooling with every kind of window, and over all of a channel.
 */
#include <math.h>
#include <string.h>

#include "engine/ops/ops.h"

typedef enum pool_kind { POOL_AVERAGE, POOL_MAX, POOL_NORM } pool_kind;

typedef struct pool {
    pool_kind kind;
    tdi_window window; /* three axes */
    int include_pad;
    double power; /* of POOL_NORM */
} pool;

/* What a window has come to so far. */
typedef struct tally {
    double sum; /* of elements, or of their powers */
    float most;
    int64_t count;
} tally;

static pool_kind kind_of(const char *type) {
    return strstr(type, "Average") ? POOL_AVERAGE : strstr(type, "Max") ? POOL_MAX : POOL_NORM;
}

td_status tdi_ops_prepare_pool(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                               const void **args, td_error *err) {
    tdi_window window;
    pool *p = tdi_arena_alloc(arena, sizeof *p);
    if (!p)
        return tdi_fail_memory(err);
    p->kind = kind_of(node->op->type);
    p->include_pad = tdi_node_int(node, "count_include_pad", 0) != 0;
    p->power = (double)tdi_node_int(node, "p", 2);
    *args = p;
    TD_TRY(tdi_window_resolve(graph, node, NULL, &window, err));
    p->window = tdi_window_widen(&window);
    return TD_OK;
}

/* Taps of a window that begins at `begin` and lie before `end`, counted from tap 0. */
static int64_t taps_before(const tdi_window *w, int axis, int64_t begin, int64_t end) {
    int64_t taps = begin >= end ? 0 : (end - 1 - begin) / w->dilation[axis] + 1;
    return taps < w->kernel[axis] ? taps : w->kernel[axis];
}

static void add_elements(const pool *p, const float *x, int64_t step, int64_t count, tally *t) {
    switch (p->kind) {
    case POOL_AVERAGE:
        for (int64_t i = 0; i < count; i++)
            t->sum += (double)x[i * step];
        break;
    case POOL_MAX: /* NaN stays */
        for (int64_t i = 0; i < count; i++)
            t->most = x[i * step] > t->most || x[i * step] != x[i * step] ? x[i * step] : t->most;
        break;
    case POOL_NORM:
        for (int64_t i = 0; i < count; i++)
            t->sum += pow(fabs((double)x[i * step]), p->power);
        break;
    }
    t->count += count;
}

static float finish(const pool *p, const tally *t) {
    switch (p->kind) {
    case POOL_AVERAGE:
        return (float)(t->sum / (double)t->count);
    case POOL_MAX:
        return t->most;
    case POOL_NORM:
        return (float)pow(t->sum, 1 / p->power);
    }
    return 0;
}

static float pool_one(const pool *p, const float *plane, const int64_t at[TDI_WINDOW_AXES]) {
    const tdi_window *w = &p->window;
    int64_t begin[TDI_WINDOW_AXES], first[TDI_WINDOW_AXES], end[TDI_WINDOW_AXES], padded = 1;
    tally t = {0, -INFINITY, 0};
    for (int i = 0; i < TDI_WINDOW_AXES; i++) {
        begin[i] = at[i] * w->stride[i] - w->pad_begin[i];
        first[i] = taps_before(w, i, begin[i], 0);
        end[i] = taps_before(w, i, begin[i], w->in[i]);
        /* What lies beyond the padding does not count. */
        padded *= taps_before(w, i, begin[i], w->in[i] + w->pad_end[i]);
    }
    for (int64_t z = first[0]; z < end[0]; z++)
        for (int64_t y = first[1]; y < end[1]; y++) {
            int64_t row = (begin[0] + z * w->dilation[0]) * w->in[1] + begin[1] +
                          y * w->dilation[1];
            add_elements(p, plane + row * w->in[2] + begin[2] + first[2] * w->dilation[2],
                         w->dilation[2], end[2] - first[2], &t);
        }
    if (p->include_pad)
        t.count = padded;
    return finish(p, &t);
}

void tdi_ops_run_pool(const tdi_ops_call *call) {
    const pool *p = call->args;
    const tdi_window *w = &p->window;
    const float *in = call->inputs[0].data;
    float *out = call->output.data;
    int64_t planes = call->output.shape->dim[0] * call->output.shape->dim[1], at[TDI_WINDOW_AXES];
    for (int64_t plane = 0; plane < planes; plane++, in += w->in[0] * w->in[1] * w->in[2])
        for (at[0] = 0; at[0] < w->out[0]; at[0]++)
            for (at[1] = 0; at[1] < w->out[1]; at[1]++)
                for (at[2] = 0; at[2] < w->out[2]; at[2]++)
                    *out++ = pool_one(p, in, at);
}

td_status tdi_ops_prepare_global(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                                 const void **args, td_error *err) {
    pool *p = tdi_arena_alloc(arena, sizeof *p);
    (void)graph;
    if (!p)
        return tdi_fail_memory(err);
    p->kind = kind_of(node->op->type);
    p->power = (double)tdi_node_int(node, "p", 2);
    *args = p;
    return TD_OK;
}

void tdi_ops_run_global(const tdi_ops_call *call) {
    const pool *p = call->args;
    const float *in = call->inputs[0].data;
    float *out = call->output.data;
    int64_t channels = td_shape_elements(call->output.shape);
    int64_t count = channels > 0 ? td_shape_elements(call->inputs[0].shape) / channels : 0;
    for (int64_t c = 0; c < channels; c++, in += count) {
        tally t = {0, -INFINITY, 0};
        add_elements(p, in, 1, count, &t);
        out[c] = finish(p, &t);
    }
}
