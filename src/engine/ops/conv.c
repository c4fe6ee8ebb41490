/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conv and ConvTranspose with any weights, also computed ones. One number of the kernel at a time,
 * over a row of the picture.
 */
#include <string.h>

#include "engine/ops/ops.h"

typedef struct conv {
    tdi_window window; /* three axes */
    int transposed;
    int64_t group;
} conv;

td_status tdi_ops_prepare_conv(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                               const void **args, td_error *err) {
    const td_shape *kernel = &graph->values[node->inputs[1]].shape;
    tdi_window window;
    conv *c = tdi_arena_alloc(arena, sizeof *c);
    if (!c)
        return tdi_fail_memory(err);
    c->transposed = strcmp(node->op->type, "ConvTranspose") == 0;
    c->group = tdi_node_int(node, "group", 1);
    if (c->transposed)
        TD_TRY(tdi_conv_transpose_resolve(graph, node, &window, err));
    else
        TD_TRY(tdi_window_resolve(graph, node, kernel->dim + 2, &window, err));
    c->window = tdi_window_widen(&window);
    *args = c;
    return TD_OK;
}

/*
 * The small positions i, 0 <= i < small, for which i * stride + offset lies in 0 .. large-1; the
 * large side is the input of a convolution, and the output of a transposed one.
 */
static void range_of(int64_t small, int64_t large, int64_t stride, int64_t offset, int64_t *first,
                     int64_t *end) {
    *first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
    *end = offset >= large ? 0 : (large - 1 - offset) / stride + 1;
    if (*end > small)
        *end = small;
}

/* The places of one number of the kernel along one axis. */
typedef struct reach {
    int64_t first, end, offset;
} reach;

static reach reach_of(const conv *c, int axis, int64_t tap) {
    const tdi_window *w = &c->window;
    reach r = {.offset = tap * w->dilation[axis] - w->pad_begin[axis]};
    int64_t small = c->transposed ? w->in[axis] : w->out[axis];
    int64_t large = c->transposed ? w->out[axis] : w->in[axis];
    range_of(small, large, w->stride[axis], r.offset, &r.first, &r.end);
    return r;
}

static void add_row(const conv *c, float *restrict out, const float *restrict in, int64_t count,
                    float weight) {
    int64_t stride = c->window.stride[2];
    if (stride == 1)
        for (int64_t i = 0; i < count; i++)
            out[i] += weight * in[i];
    else if (c->transposed)
        for (int64_t i = 0; i < count; i++)
            out[i * stride] += weight * in[i];
    else
        for (int64_t i = 0; i < count; i++)
            out[i] += weight * in[i * stride];
}

/* out += in (one channel of each) through one number of the kernel at `tap`. */
static void add_tap(const conv *c, float *out, const float *in, const reach tap[3], float weight) {
    const tdi_window *w = &c->window;
    for (int64_t z = tap[0].first; z < tap[0].end; z++) {
        for (int64_t y = tap[1].first; y < tap[1].end; y++) {
            int64_t far_z = z * w->stride[0] + tap[0].offset;
            int64_t far_y = y * w->stride[1] + tap[1].offset;
            int64_t far_x = tap[2].first * w->stride[2] + tap[2].offset;
            const int64_t *large = c->transposed ? w->out : w->in;
            const int64_t *small = c->transposed ? w->in : w->out;
            int64_t far = (far_z * large[1] + far_y) * large[2] + far_x;
            int64_t near = (z * small[1] + y) * small[2] + tap[2].first;
            add_row(c, out + (c->transposed ? far : near), in + (c->transposed ? near : far),
                    tap[2].end - tap[2].first, weight);
        }
    }
}

static void add_channel(const conv *c, float *out, const float *in, const float *kernel) {
    const tdi_window *w = &c->window;
    reach tap[3];
    for (int64_t z = 0; z < w->kernel[0]; z++) {
        tap[0] = reach_of(c, 0, z);
        for (int64_t y = 0; y < w->kernel[1]; y++) {
            tap[1] = reach_of(c, 1, y);
            for (int64_t x = 0; x < w->kernel[2]; x++) {
                tap[2] = reach_of(c, 2, x);
                if (tap[2].first < tap[2].end)
                    add_tap(c, out, in, tap, *kernel);
                kernel++;
            }
        }
    }
}

static int64_t volume(const int64_t *dim) {
    return dim[0] * dim[1] * dim[2];
}

void tdi_ops_run_conv(const tdi_ops_call *call) {
    const conv *c = call->args;
    const float *in = call->inputs[0].data, *kernel = call->inputs[1].data;
    const float *bias = call->input_count > 2 ? call->inputs[2].data : NULL;
    float *out = call->output.data;
    int64_t pictures = call->output.shape->dim[0], outputs = call->output.shape->dim[1] / c->group;
    int64_t inputs = call->inputs[0].shape->dim[1] / c->group;
    int64_t in_plane = volume(c->window.in), out_plane = volume(c->window.out);
    int64_t taps = volume(c->window.kernel);
    for (int64_t block = 0; block < pictures * c->group; block++) {
        int64_t g = block % c->group;
        for (int64_t o = 0; o < outputs; o++, out += out_plane) {
            float start = bias ? bias[g * outputs + o] : 0;
            for (int64_t i = 0; i < out_plane; i++)
                out[i] = start;
            for (int64_t i = 0; i < inputs; i++) {
                /* outputs x inputs; transposed: inputs x outputs */
                int64_t pair = c->transposed ? (g * inputs + i) * outputs + o
                                             : (g * outputs + o) * inputs + i;
                add_channel(c, out, in + i * in_plane, kernel + pair * taps);
            }
        }
        in += inputs * in_plane;
    }
}
