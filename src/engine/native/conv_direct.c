/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/native/conv_direct.h"

#include <math.h>
#include <string.h>

/* What integers can address with room to spare. */
#define PIXELS_MAX   (1 << 22)
#define CHANNELS_MAX (1 << 14)

/* One window for both axes, without holes. */
static int is_square(const tdi_window *w) {
    return w->axes == 2 && w->kernel[0] == w->kernel[1] && w->stride[0] == w->stride[1] &&
           w->dilation[0] == 1 && w->dilation[1] == 1;
}

static int is_small(const tdi_window *w, const td_shape *in, const td_shape *out) {
    return in->dim[0] <= INT16_MAX && in->dim[1] <= CHANNELS_MAX && out->dim[1] <= CHANNELS_MAX &&
           w->in[0] <= INT16_MAX && w->in[1] <= INT16_MAX && w->in[0] * w->in[1] <= PIXELS_MAX &&
           w->out[0] * w->out[1] <= PIXELS_MAX && w->stride[0] <= INT16_MAX;
}

/* All taps of some result lie in the padding where it is as large as the kernel. */
static int is_padded_less_than_kernel(const tdi_window *w) {
    for (int i = 0; i < 2; i++)
        if (w->pad_begin[i] >= w->kernel[i] || w->pad_end[i] >= w->kernel[i])
            return 0;
    return 1;
}

tdi_direct_kind tdi_direct_kind_of(const tdi_graph *graph, const tdi_step *step,
                                   tdi_window *window) {
    const tdi_node *node = step->node;
    const tdi_value *in = &graph->values[node->inputs[0]];
    const td_shape *out = &graph->values[node->outputs[0]].shape;
    const td_shape *kernel = &step->weights.kernel->shape;
    if (in->dtype != TD_DTYPE_F32 || in->shape.rank != 4 ||
        tdi_window_resolve(graph, node, kernel->dim + 2, window, NULL) != TD_OK ||
        !is_square(window) || !is_small(window, &in->shape, out) ||
        !is_padded_less_than_kernel(window))
        return TDI_DIRECT_NONE;
    int64_t groups = tdi_node_int(node, "group", 1), channels = in->shape.dim[1];
    int64_t size = window->kernel[0];
    if (groups > 1)
        return groups == channels && out->dim[1] == channels && size <= TDI_DEPTHWISE_KERNEL_MAX
                   ? TDI_DIRECT_DEPTHWISE
                   : TDI_DIRECT_NONE;
    if (size == 1 && window->stride[0] == 1)
        return TDI_DIRECT_POINTWISE;
    return channels * size <= TDI_PLANAR_ROWS_MAX ? TDI_DIRECT_PLANAR : TDI_DIRECT_NONE;
}

static int set_finish(const tdi_activation *activation, tdi_finish *finish) {
    if (activation->kind == TDI_ACTIVATION_RELU && activation->alpha == 0)
        finish->low = 0;
    else if (activation->kind == TDI_ACTIVATION_CLIP)
        finish->low = activation->alpha, finish->high = activation->beta;
    else if (activation->kind == TDI_ACTIVATION_HARD_SWISH)
        finish->hard_swish = 1;
    else
        return -1;
    return 0;
}

int tdi_direct_finish_of(const tdi_step *step, tdi_finish *finish, int *addend) {
    int activations = 0;
    *finish = (tdi_finish){-INFINITY, INFINITY, 0};
    *addend = -1;
    for (int i = 0; i < step->post_count; i++) {
        const tdi_post *post = &step->posts[i];
        /* The addend goes into the sum, and there is one function of it. */
        if (activations > 0 || (post->kind == TDI_POST_ADD && *addend >= 0))
            return -1;
        if (post->kind == TDI_POST_ADD)
            *addend = post->input;
        else if (set_finish(&post->activation, finish) == 0)
            activations++;
        else
            return -1;
    }
    return 0;
}

static void fill_depthwise(const void *user, const float *weights, float *packed) {
    const td_shape *kernel = user;
    tdi_depthwise_pack(weights, (int)kernel->dim[0], (int)kernel->dim[2], packed);
}

static void fill_others(const void *user, const float *weights, float *packed) {
    const td_shape *kernel = user;
    tdi_planar_pack(weights, (int)kernel->dim[1], (int)kernel->dim[0], (int)kernel->dim[2], packed);
}

td_status tdi_direct_pack(const tdi_compile *compile, const tdi_step *step, tdi_direct_kind kind,
                          tdi_native_kernel *kernel, tdi_direct_weights *out, td_error *err) {
    const td_shape *shape = &step->weights.kernel->shape;
    int is_depthwise = kind == TDI_DIRECT_DEPTHWISE;
    int inputs = (int)shape->dim[1], outputs = (int)shape->dim[0], size = (int)shape->dim[2];
    TD_TRY(tdi_native_pack(compile, step, is_depthwise ? "depthwise" : "direct",
                           is_depthwise ? tdi_depthwise_pack_size(outputs, size)
                                        : tdi_planar_pack_size(inputs, outputs, size),
                           is_depthwise ? fill_depthwise : fill_others, shape, kernel,
                           &out->weights, err));
    return tdi_native_bias(compile, step, kernel, &out->bias, err);
}

size_t tdi_direct_size(const td_shape *shape) {
    return (size_t)tdi_blocks((int)shape->dim[1]) * TDI_LANES * (size_t)shape->dim[2] *
           (size_t)shape->dim[3];
}
