/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operators with a spatial window: convolution, its transpose, and pooling.
 */
#include <string.h>

#include "graph/op_util.h"

/* Far above what any network has; keeps every product below in range. */
#define WINDOW_MAX ((int64_t)1 << 24)

typedef enum auto_pad { PAD_EXPLICIT, PAD_SAME_UPPER, PAD_SAME_LOWER, PAD_VALID } auto_pad;

static td_status read_auto_pad(const tdi_node *node, auto_pad *out, td_error *err) {
    static const char *const names[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"};
    const char *text = tdi_node_string(node, "auto_pad", "NOTSET");
    for (int i = 0; i < 4; i++)
        if (!strcmp(text, names[i])) {
            *out = (auto_pad)i;
            return TD_OK;
        }
    return tdi_op_fail(node, err, TD_FORMAT, "auto_pad \"%.20s\" is not known", text);
}

/* One number per spatial axis in min..WINDOW_MAX; `fallback` where the attribute is absent. */
static td_status read_per_axis(const tdi_node *node, const char *name, int count, int64_t min,
                               int64_t fallback, int64_t *out, td_error *err) {
    int got;
    TD_TRY(tdi_op_attr_ints(node, name, count, out, &got, err));
    if (got >= 0 && got != count)
        return tdi_op_fail(node, err, TD_FORMAT, "attribute %s has %d numbers instead of %d", name,
                           got, count);
    for (int i = 0; i < count; i++) {
        if (got < 0)
            out[i] = fallback;
        if (out[i] < min || out[i] > WINDOW_MAX)
            return tdi_op_fail(node, err, TD_FORMAT, "attribute %s must not be %lld", name,
                               (long long)out[i]);
    }
    return TD_OK;
}

static td_status place_axis(const tdi_node *node, tdi_window *w, int i, auto_pad mode,
                            int ceil_mode, td_error *err) {
    int64_t extent = (w->kernel[i] - 1) * w->dilation[i] + 1;
    if (mode == PAD_VALID)
        w->pad_begin[i] = w->pad_end[i] = 0;
    if (mode == PAD_SAME_UPPER || mode == PAD_SAME_LOWER) {
        w->out[i] = (w->in[i] - 1) / w->stride[i] + 1;
        int64_t pad = (w->out[i] - 1) * w->stride[i] + extent - w->in[i];
        pad = pad > 0 ? pad : 0;
        w->pad_begin[i] = mode == PAD_SAME_UPPER ? pad / 2 : pad - pad / 2;
        w->pad_end[i] = pad - w->pad_begin[i];
        return TD_OK;
    }
    int64_t room = w->in[i] + w->pad_begin[i] + w->pad_end[i] - extent;
    if (room < 0)
        return tdi_op_fail(node, err, TD_FORMAT, "a window of %lld does not fit into %lld",
                           (long long)extent, (long long)w->in[i]);
    w->out[i] = room / w->stride[i] + 1;
    if (ceil_mode && room % w->stride[i] != 0) {
        /* A last window that would begin in the padding behind the input does not count. */
        if (w->out[i] * w->stride[i] < w->in[i] + w->pad_begin[i])
            w->out[i]++;
    }
    return TD_OK;
}

td_status tdi_window_resolve(const tdi_graph *graph, const tdi_node *node, const int64_t *kernel,
                             tdi_window *out, td_error *err) {
    const tdi_value *x = tdi_node_input(graph, node, 0);
    tdi_window w;
    int64_t pads[2 * TDI_WINDOW_AXES];
    auto_pad mode = PAD_EXPLICIT;

    memset(&w, 0, sizeof w);
    w.axes = x->shape.rank - 2;
    if (w.axes < 1 || w.axes > TDI_WINDOW_AXES)
        return tdi_op_fail(node, err, TD_UNSUPPORTED, "%d spatial axes; 1 to %d are supported",
                           w.axes, TDI_WINDOW_AXES);
    TD_TRY(read_auto_pad(node, &mode, err));
    TD_TRY(read_per_axis(node, "kernel_shape", w.axes, 1, kernel ? 1 : 0, w.kernel, err));
    TD_TRY(read_per_axis(node, "strides", w.axes, 1, 1, w.stride, err));
    TD_TRY(read_per_axis(node, "dilations", w.axes, 1, 1, w.dilation, err));
    TD_TRY(read_per_axis(node, "pads", 2 * w.axes, 0, 0, pads, err));
    for (int i = 0; i < w.axes; i++) {
        if (kernel && tdi_node_attr(node, "kernel_shape") && w.kernel[i] != kernel[i])
            return tdi_op_fail(node, err, TD_FORMAT, "kernel_shape differs from the weights");
        if (kernel)
            w.kernel[i] = kernel[i];
        if (w.kernel[i] < 1 || w.kernel[i] > WINDOW_MAX)
            return tdi_op_fail(node, err, TD_FORMAT, "the kernel's size must not be %lld",
                               (long long)w.kernel[i]);
        w.in[i] = x->shape.dim[2 + i];
        w.pad_begin[i] = pads[i];
        w.pad_end[i] = pads[w.axes + i];
        TD_TRY(place_axis(node, &w, i, mode, tdi_node_int(node, "ceil_mode", 0) != 0, err));
    }
    *out = w;
    return TD_OK;
}

static td_status set_spatial(const tdi_graph *graph, const tdi_node *node, const tdi_window *w,
                             int64_t channels, td_error *err) {
    const tdi_value *x = tdi_node_input(graph, node, 0);
    td_shape shape = x->shape;
    shape.dim[1] = channels;
    for (int i = 0; i < w->axes; i++)
        shape.dim[2 + i] = w->out[i];
    return tdi_op_output(graph, node, 0, x->dtype, &shape, err);
}

/* Input and weights of equal rank and type. */
static td_status check_weights(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    TD_TRY(tdi_op_check(graph, node, 0, 3, 2 + TDI_WINDOW_AXES, 1, err));
    int rank = tdi_node_input(graph, node, 0)->shape.rank;
    TD_TRY(tdi_op_check(graph, node, 1, rank, rank, 1, err));
    return tdi_op_check_same(graph, node, 0, 1, err);
}

static td_status check_bias(const tdi_graph *graph, const tdi_node *node, int64_t filters,
                            td_error *err) {
    if (!tdi_node_input(graph, node, 2))
        return TD_OK;
    TD_TRY(tdi_op_check(graph, node, 2, 1, 1, 1, err));
    TD_TRY(tdi_op_check_same(graph, node, 0, 2, err));
    if (tdi_node_input(graph, node, 2)->shape.dim[0] != filters)
        return tdi_op_fail(node, err, TD_FORMAT, "the bias does not have %lld elements",
                           (long long)filters);
    return TD_OK;
}

td_status tdi_infer_conv(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    TD_TRY(check_weights(graph, node, err));
    const tdi_value *x = tdi_node_input(graph, node, 0), *w = tdi_node_input(graph, node, 1);
    int64_t channels = x->shape.dim[1], filters = w->shape.dim[0];
    int64_t group = tdi_node_int(node, "group", 1);
    if (group < 1 || channels % group || filters % group || w->shape.dim[1] != channels / group)
        return tdi_op_fail(node, err, TD_FORMAT,
                           "%lld channels and weights for %lld do not fit %lld groups",
                           (long long)channels, (long long)w->shape.dim[1], (long long)group);
    TD_TRY(check_bias(graph, node, filters, err));
    tdi_window window;
    TD_TRY(tdi_window_resolve(graph, node, w->shape.dim + 2, &window, err));
    return set_spatial(graph, node, &window, filters, err);
}

int64_t tdi_macs_conv(const tdi_graph *graph, const tdi_node *node) {
    const td_shape *w = &tdi_node_input(graph, node, 1)->shape;
    /* Both factors are below 2^31, as elements of a tensor. */
    return td_shape_elements(&tdi_node_output(graph, node, 0)->shape) *
           tdi_shape_product(w, 1, w->rank);
}

/* Splits what an output lacks of its natural size; an odd one is cut at the end for SAME_UPPER, at
 * the beginning otherwise. */
static void share_padding(tdi_window *w, int i, int64_t total, auto_pad mode) {
    total = total > 0 ? total : 0;
    w->pad_begin[i] = mode == PAD_SAME_UPPER ? total / 2 : total - total / 2;
    w->pad_end[i] = total - w->pad_begin[i];
}

td_status tdi_conv_transpose_resolve(const tdi_graph *graph, const tdi_node *node, tdi_window *out,
                                     td_error *err) {
    const td_shape *x = &tdi_node_input(graph, node, 0)->shape;
    const td_shape *kernel = &tdi_node_input(graph, node, 1)->shape;
    int64_t extra[TDI_WINDOW_AXES], sizes[TDI_WINDOW_AXES], pads[2 * TDI_WINDOW_AXES];
    tdi_window w = {.axes = x->rank - 2};
    auto_pad mode = PAD_EXPLICIT;

    TD_TRY(read_auto_pad(node, &mode, err));
    TD_TRY(read_per_axis(node, "kernel_shape", w.axes, 1, 1, w.kernel, err));
    TD_TRY(read_per_axis(node, "strides", w.axes, 1, 1, w.stride, err));
    TD_TRY(read_per_axis(node, "dilations", w.axes, 1, 1, w.dilation, err));
    TD_TRY(read_per_axis(node, "pads", 2 * w.axes, 0, 0, pads, err));
    TD_TRY(read_per_axis(node, "output_padding", w.axes, 0, 0, extra, err));
    TD_TRY(read_per_axis(node, "output_shape", w.axes, 0, 0, sizes, err));
    for (int i = 0; i < w.axes; i++) {
        if (tdi_node_attr(node, "kernel_shape") && w.kernel[i] != kernel->dim[2 + i])
            return tdi_op_fail(node, err, TD_FORMAT, "kernel_shape differs from the weights");
        w.kernel[i] = kernel->dim[2 + i];
        w.in[i] = x->dim[2 + i];
        int64_t natural = (w.in[i] - 1) * w.stride[i] + extra[i] +
                          (w.kernel[i] - 1) * w.dilation[i] + 1;
        if (mode == PAD_EXPLICIT) {
            w.pad_begin[i] = pads[i];
            w.pad_end[i] = pads[w.axes + i];
        } else if (mode != PAD_VALID && !sizes[i]) {
            share_padding(&w, i, natural - w.in[i] * w.stride[i], mode);
        }
        w.out[i] = natural - w.pad_begin[i] - w.pad_end[i];
        if (sizes[i]) {
            w.out[i] = sizes[i];
            share_padding(&w, i, natural - sizes[i], mode);
        }
        if (w.out[i] < 1)
            return tdi_op_fail(node, err, TD_FORMAT, "the pads leave nothing of axis %d", 2 + i);
    }
    *out = w;
    return TD_OK;
}

td_status tdi_infer_conv_transpose(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    TD_TRY(check_weights(graph, node, err));
    const tdi_value *x = tdi_node_input(graph, node, 0), *w = tdi_node_input(graph, node, 1);
    int64_t channels = x->shape.dim[1], group = tdi_node_int(node, "group", 1);
    if (group < 1 || channels % group || w->shape.dim[0] != channels)
        return tdi_op_fail(node, err, TD_FORMAT,
                           "%lld channels and weights for %lld do not fit %lld groups",
                           (long long)channels, (long long)w->shape.dim[0], (long long)group);
    if (w->shape.dim[1] > TDI_ELEMENTS_MAX / group)
        return tdi_op_fail(node, err, TD_LIMIT, "the output would be too large");
    TD_TRY(check_bias(graph, node, w->shape.dim[1] * group, err));
    tdi_window window;
    TD_TRY(tdi_conv_transpose_resolve(graph, node, &window, err));
    return set_spatial(graph, node, &window, w->shape.dim[1] * group, err);
}

int64_t tdi_macs_conv_transpose(const tdi_graph *graph, const tdi_node *node) {
    const td_shape *w = &tdi_node_input(graph, node, 1)->shape;
    /* Both factors are below 2^31, as elements of a tensor. */
    return td_shape_elements(&tdi_node_input(graph, node, 0)->shape) *
           tdi_shape_product(w, 1, w->rank);
}

tdi_window tdi_window_widen(const tdi_window *window) {
    tdi_window wide = {.axes = TDI_WINDOW_AXES};
    int shift = TDI_WINDOW_AXES - window->axes;
    for (int i = 0; i < TDI_WINDOW_AXES; i++) {
        int from = i - shift;
        wide.kernel[i] = from < 0 ? 1 : window->kernel[from];
        wide.stride[i] = from < 0 ? 1 : window->stride[from];
        wide.dilation[i] = from < 0 ? 1 : window->dilation[from];
        wide.pad_begin[i] = from < 0 ? 0 : window->pad_begin[from];
        wide.pad_end[i] = from < 0 ? 0 : window->pad_end[from];
        wide.in[i] = from < 0 ? 1 : window->in[from];
        wide.out[i] = from < 0 ? 1 : window->out[from];
    }
    return wide;
}

td_status tdi_infer_pool(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    TD_TRY(tdi_op_check(graph, node, 0, 3, 2 + TDI_WINDOW_AXES, 0, err));
    const tdi_value *x = tdi_node_input(graph, node, 0);
    if (tdi_node_int(node, "p", 2) < 1)
        return tdi_op_fail(node, err, TD_FORMAT, "p must be positive");
    tdi_window w;
    TD_TRY(tdi_window_resolve(graph, node, NULL, &w, err));
    for (int i = 0; i < w.axes; i++)
        if (w.pad_begin[i] >= (w.kernel[i] - 1) * w.dilation[i] + 1 ||
            w.pad_end[i] >= (w.kernel[i] - 1) * w.dilation[i] + 1)
            return tdi_op_fail(node, err, TD_FORMAT,
                               "a pad as large as the window makes windows without an input");
    return set_spatial(graph, node, &w, x->shape.dim[1], err);
}

td_status tdi_infer_global_pool(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    TD_TRY(tdi_op_check(graph, node, 0, 3, TD_RANK_MAX, 1, err));
    const tdi_value *x = tdi_node_input(graph, node, 0);
    td_shape shape = x->shape;
    if (tdi_node_int(node, "p", 2) < 1)
        return tdi_op_fail(node, err, TD_FORMAT, "p must be positive");
    for (int i = 2; i < shape.rank; i++)
        shape.dim[i] = 1;
    return tdi_op_output(graph, node, 0, x->dtype, &shape, err);
}
