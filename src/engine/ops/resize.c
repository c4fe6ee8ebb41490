/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resize and Upsample: one axis after the other. An output position is a weighted sum of a few
 * input positions (taps), the same for all lines along the axis. Coordinates are computed in float,
 * as other runtimes do, so that the same side of a tie is taken.
 */
#include <math.h>
#include <string.h>

#include "engine/ops/ops.h"

#define TAPS_MAX 4

/* One axis: outer x in x inner becomes outer x out x inner. */
typedef struct pass {
    int64_t outer, in, out, inner;
    int taps;
    int64_t *from; /* out x taps input positions */
    float *weight; /* likewise */
} pass;

typedef struct resize {
    int pass_count;
    pass passes[TD_RANK_MAX];
    size_t scratch[2]; /* floats for the results of even and odd passes; the last has the output */
    const unsigned char *outside[TD_RANK_MAX]; /* TDI_RESIZE_CROP: per output position; else NULL */
    float outside_value;
} resize;

int tdi_ops_supports_resize(const tdi_graph *graph, const tdi_node *node) {
    return graph->values[node->inputs[0]].dtype == TD_DTYPE_F32;
}

static float position_of(const tdi_resize *r, int axis, int64_t index) {
    float scale = r->scale[axis], x = (float)index;
    float in = (float)r->in[axis], out = (float)r->out[axis];
    /* Not every system would leave such an axis alone, channels least of all. */
    if (scale == 1 && r->coordinates != TDI_RESIZE_CROP)
        return x;
    switch (r->coordinates) {
    case TDI_RESIZE_HALF_PIXEL:
        return (x + 0.5f) / scale - 0.5f;
    case TDI_RESIZE_HALF_PIXEL_SYMMETRIC: {
        float adjustment = out / (scale * in);
        return in / 2 * (1 - adjustment) + (x + 0.5f) / scale - 0.5f;
    }
    case TDI_RESIZE_PYTORCH_HALF_PIXEL:
        return out > 1 ? (x + 0.5f) / scale - 0.5f : 0;
    case TDI_RESIZE_HALF_PIXEL_FOR_NEAREST:
        return (x + 0.5f) / scale;
    case TDI_RESIZE_ALIGN_CORNERS:
        /* ONNX's reference takes the length as it is before rounding; others do not. */
        return out > 1 ? x * (in - 1) / (r->length[axis] - 1) : 0;
    case TDI_RESIZE_ASYMMETRIC:
        return x / scale;
    case TDI_RESIZE_CROP: {
        float begin = r->begin[axis], end = r->end[axis];
        return out > 1 ? begin * (in - 1) + x * (end - begin) * (in - 1) / (out - 1)
                       : 0.5f * (begin + end) * (in - 1);
    }
    }
    return x;
}

static float round_position(const tdi_resize *r, int axis, float x) {
    switch (r->rounding) {
    case TDI_ROUND_PREFER_FLOOR:
        return ceilf(x - 0.5f);
    case TDI_ROUND_PREFER_CEIL:
        return floorf(x + 0.5f);
    case TDI_ROUND_FLOOR:
        return floorf(x);
    case TDI_ROUND_CEIL:
        return ceilf(x);
    case TDI_ROUND_SIMPLE:
        return r->scale[axis] < 1 ? ceilf(x) : floorf(x);
    }
    return x;
}

static int64_t clamp(float x, int64_t count) {
    return x > 0 ? x < (float)count ? (int64_t)x < count ? (int64_t)x : count - 1 : count - 1 : 0;
}

/* Weights of the four positions around a point at `t` behind the second; the terms cancel, hence
 * double. */
static void cubic_weights(double a, double t, float weight[4]) {
    const double distance[4] = {t + 1, t, 1 - t, 2 - t};
    for (int i = 0; i < 4; i++) {
        double d = distance[i];
        weight[i] = (float)(i == 1 || i == 2 ? ((a + 2) * d - (a + 3)) * d * d + 1
                                             : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a);
    }
}

/* Takes the weights of positions beyond the input out, and lets the others sum to one. */
static void exclude(float weight[4], float first, int64_t count) {
    float sum = 0;
    for (int i = 0; i < 4; i++) {
        if (first + (float)i < 0 || first + (float)i >= (float)count)
            weight[i] = 0;
        sum += weight[i];
    }
    for (int i = 0; i < 4; i++)
        weight[i] /= sum;
}

static void fill_taps(const tdi_resize *r, int axis, int64_t index, int64_t *from, float *weight) {
    int64_t in = r->in[axis];
    float x = position_of(r, axis, index);
    if (r->mode == TDI_RESIZE_NEAREST) {
        from[0] = clamp(round_position(r, axis, x), in);
        weight[0] = 1;
        return;
    }
    if (r->mode == TDI_RESIZE_LINEAR) {
        x = x > 0 ? x < (float)(in - 1) ? x : (float)(in - 1) : 0;
        from[0] = clamp(floorf(x), in);
        from[1] = clamp(floorf(x) + 1, in);
        weight[1] = x - floorf(x);
        weight[0] = 1 - weight[1];
        return;
    }
    float first = floorf(x) - 1;
    cubic_weights((double)r->cubic_a, (double)(x - floorf(x)), weight);
    if (r->exclude_outside)
        exclude(weight, first, in);
    for (int i = 0; i < 4; i++)
        from[i] = clamp(first + (float)i, in);
}

static int make_pass(const tdi_resize *r, int axis, pass *p, tdi_arena *arena) {
    static const int taps[] = {
        [TDI_RESIZE_NEAREST] = 1, [TDI_RESIZE_LINEAR] = 2, [TDI_RESIZE_CUBIC] = TAPS_MAX};
    p->taps = taps[r->mode];
    p->in = r->in[axis];
    p->out = r->out[axis];
    size_t count = (size_t)p->out * (size_t)p->taps;
    p->from = tdi_arena_alloc(arena, count * sizeof *p->from);
    p->weight = tdi_arena_alloc(arena, count * sizeof *p->weight);
    if (!p->from || !p->weight)
        return -1;
    for (int64_t i = 0; i < p->out; i++)
        fill_taps(r, axis, i, p->from + i * p->taps, p->weight + i * p->taps);
    return 0;
}

static int is_identity(const pass *p) {
    if (p->in != p->out)
        return 0;
    for (int64_t i = 0; i < p->out; i++)
        for (int t = 0; t < p->taps; t++)
            if (p->from[i * p->taps + t] != i && p->weight[i * p->taps + t] != 0)
                return 0;
    return 1;
}

/* The axes in the order of their passes: those that shrink most first, and along rows before across
 * them, where equal. */
static void order_axes(const tdi_resize *r, int order[TD_RANK_MAX]) {
    for (int i = 0; i < r->rank; i++) {
        int axis = r->rank - 1 - i, at = i;
        for (; at > 0; at--) {
            int other = order[at - 1];
            if ((double)r->out[other] / (double)r->in[other] <=
                (double)r->out[axis] / (double)r->in[axis])
                break;
            order[at] = other;
        }
        order[at] = axis;
    }
}

static int mark_outside(const tdi_resize *r, int axis, resize *out, tdi_arena *arena) {
    unsigned char *marks = tdi_arena_alloc(arena, (size_t)r->out[axis]);
    if (!marks)
        return -1;
    for (int64_t i = 0; i < r->out[axis]; i++) {
        float x = position_of(r, axis, i);
        marks[i] = x < 0 || x > (float)(r->in[axis] - 1);
    }
    out->outside[axis] = marks;
    return 0;
}

td_status tdi_ops_prepare_resize(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                                 const void **args, td_error *err) {
    tdi_resize r;
    int order[TD_RANK_MAX];
    resize *out = tdi_arena_alloc(arena, sizeof *out);
    if (!out)
        return tdi_fail_memory(err);
    TD_TRY(tdi_resize_resolve(graph, node, &r, err));
    order_axes(&r, order);
    td_shape shape = tdi_shape_of(r.rank, r.in);
    for (int i = 0; i < r.rank; i++) {
        int axis = order[i];
        pass *p = &out->passes[out->pass_count];
        if (make_pass(&r, axis, p, arena) != 0 ||
            (r.coordinates == TDI_RESIZE_CROP && mark_outside(&r, axis, out, arena) != 0))
            return tdi_fail_memory(err);
        if (is_identity(p))
            continue;
        p->outer = p->inner = 1;
        for (int a = 0; a < axis; a++)
            p->outer *= shape.dim[a];
        for (int a = axis + 1; a < r.rank; a++)
            p->inner *= shape.dim[a];
        if (out->pass_count > 0) { /* there is a result between this pass and the one before */
            size_t *room = &out->scratch[(out->pass_count - 1) % 2];
            size_t size = (size_t)td_shape_elements(&shape);
            *room = size > *room ? size : *room;
        }
        shape.dim[axis] = p->out;
        out->pass_count++;
    }
    out->outside_value = r.outside;
    *args = out;
    return TD_OK;
}

size_t tdi_ops_scratch_resize(const void *args) {
    const resize *r = args;
    return (r->scratch[0] + r->scratch[1]) * sizeof(float);
}

/* Along rows: each output is gathered. */
static void run_inner(const pass *p, float *restrict out, const float *restrict in) {
    for (int64_t o = 0; o < p->outer; o++, in += p->in, out += p->out) {
        const int64_t *from = p->from;
        const float *w = p->weight;
        if (p->taps == 1)
            for (int64_t i = 0; i < p->out; i++)
                out[i] = in[from[i]];
        else if (p->taps == 2)
            for (int64_t i = 0; i < p->out; i++)
                out[i] = w[2 * i] * in[from[2 * i]] + w[2 * i + 1] * in[from[2 * i + 1]];
        else
            for (int64_t i = 0; i < p->out; i++, from += 4, w += 4)
                out[i] = w[0] * in[from[0]] + w[1] * in[from[1]] + w[2] * in[from[2]] +
                         w[3] * in[from[3]];
    }
}

/* Across rows: whole rows are added. */
static void run_outer(const pass *p, float *restrict out, const float *restrict in) {
    int64_t n = p->inner;
    for (int64_t o = 0; o < p->outer; o++, in += p->in * n) {
        for (int64_t i = 0; i < p->out; i++, out += n) {
            const int64_t *from = p->from + i * p->taps;
            const float *w = p->weight + i * p->taps;
            const float *a = in + from[0] * n;
            if (p->taps == 1) {
                memcpy(out, a, (size_t)n * sizeof *out);
                continue;
            }
            const float *b = in + from[1] * n;
            for (int64_t j = 0; j < n; j++)
                out[j] = w[0] * a[j] + w[1] * b[j];
            if (p->taps == 2)
                continue;
            a = in + from[2] * n;
            b = in + from[3] * n;
            for (int64_t j = 0; j < n; j++)
                out[j] += w[2] * a[j] + w[3] * b[j];
        }
    }
}

static void fill_outside(const resize *r, const td_shape *shape, float *out) {
    int64_t index[TD_RANK_MAX] = {0}, count = td_shape_elements(shape);
    for (int64_t i = 0; i < count; i++) {
        for (int axis = 0; axis < shape->rank; axis++)
            if (r->outside[axis][index[axis]])
                out[i] = r->outside_value;
        for (int axis = shape->rank - 1; axis >= 0 && ++index[axis] == shape->dim[axis]; axis--)
            index[axis] = 0;
    }
}

void tdi_ops_run_resize(const tdi_ops_call *call) {
    const resize *r = call->args;
    const float *in = call->inputs[0].data;
    float *rooms[2] = {call->scratch, (float *)call->scratch + r->scratch[0]};
    if (r->pass_count == 0)
        memcpy(call->output.data, in,
               (size_t)td_shape_elements(call->output.shape) * sizeof(float));
    for (int i = 0; i < r->pass_count; i++) {
        const pass *p = &r->passes[i];
        float *out = i == r->pass_count - 1 ? call->output.data : rooms[i % 2];
        if (p->inner == 1)
            run_inner(p, out, in);
        else
            run_outer(p, out, in);
        in = out;
    }
    if (r->outside[0])
        fill_outside(r, call->output.shape, call->output.data);
}
