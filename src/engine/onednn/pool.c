/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pooling, also over the whole picture.
 */
#include <string.h>

#include "engine/onednn/onednn.h"
#include "graph/op.h"

static int is_global(const tdi_node *node) {
    return strncmp(node->op->type, "Global", 6) == 0;
}

static int is_average(const tdi_node *node) {
    return strstr(node->op->type, "Average") != NULL;
}

static int resolve(const tdi_graph *graph, const tdi_node *node, tdi_window *window) {
    const td_shape *in = &graph->values[node->inputs[0]].shape;
    if (is_global(node)) {
        memset(window, 0, sizeof *window);
        window->axes = in->rank - 2;
        for (int i = 0; i < window->axes; i++) {
            window->kernel[i] = window->in[i] = in->dim[i + 2];
            window->stride[i] = window->dilation[i] = window->out[i] = 1;
        }
        return 1;
    }
    return tdi_window_resolve(graph, node, NULL, window, NULL) == TD_OK;
}

/* The padding behind that makes the last window end exactly at the padded end. */
static int64_t exact_pad_end(const tdi_window *w, int axis) {
    int64_t reach = (w->out[axis] - 1) * w->stride[axis] +
                    (w->kernel[axis] - 1) * w->dilation[axis] + 1;
    return reach - w->in[axis] - w->pad_begin[axis];
}

/*
 * Windows that oneDNN does not know: those of average pooling that reach beyond the padding (ONNX
 * counts elements up to the padding only), dilated ones, and those that begin in the padding
 * behind.
 */
static int fits(const tdi_node *node, const tdi_window *w) {
    for (int i = 0; i < w->axes; i++) {
        if (w->dilation[i] != 1 || w->pad_begin[i] >= w->kernel[i])
            return 0;
        if (exact_pad_end(w, i) >= w->kernel[i])
            return 0;
        if (is_average(node) && exact_pad_end(w, i) > w->pad_end[i])
            return 0;
    }
    return 1;
}

int tdi_onednn_supports_pool(const tdi_graph *graph, const tdi_node *node) {
    const tdi_value *in = &graph->values[node->inputs[0]];
    tdi_window window;
    if (in->dtype != TD_DTYPE_F32 || in->shape.rank < 3 || in->shape.rank > 5)
        return 0;
    return resolve(graph, node, &window) && fits(node, &window);
}

td_status tdi_onednn_prepare_pool(const tdi_compile *compile, const tdi_step *step,
                                  const tdi_format *at_hand, tdi_kernel **out, td_error *err) {
    const tdi_graph *graph = compile->graph;
    const tdi_node *node = step->node;
    const int arg = DNNL_ARG_SRC;
    dnnl_dims_t strides, kernel, begin, end;
    dnnl_memory_desc_t src, dst;
    dnnl_pooling_desc_t desc;
    tdi_window w;
    dnnl_alg_kind_t algorithm = dnnl_pooling_max;
    if (is_average(node))
        algorithm = tdi_node_int(node, "count_include_pad", 0) ? dnnl_pooling_avg_include_padding
                                                               : dnnl_pooling_avg_exclude_padding;
    if (!resolve(graph, node, &w))
        return tdi_onednn_fail(err, node, "the window", dnnl_invalid_arguments);
    for (int i = 0; i < w.axes; i++) {
        int64_t exact = exact_pad_end(&w, i);
        strides[i] = w.stride[i];
        kernel[i] = w.kernel[i];
        begin[i] = w.pad_begin[i];
        end[i] = exact > w.pad_end[i] ? exact : w.pad_end[i];
    }
    tdi_onednn_desc(&src, &graph->values[node->inputs[0]].shape, &at_hand[0]);
    tdi_onednn_any(&dst, &graph->values[node->outputs[0]].shape);
    dst.data_type = src.data_type;
    dnnl_status_t made = dnnl_pooling_forward_desc_init(&desc, dnnl_forward_inference, algorithm,
                                                        &src, &dst, strides, kernel, begin, end);
    if (made != dnnl_success)
        return tdi_onednn_fail(err, node, "the window", made);
    return tdi_onednn_simple(compile, step, &desc, &arg, &src, out, err);
}
