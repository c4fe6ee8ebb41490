/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolutions, in the ways that oneDNN has of running them.
 */
#include <string.h>

#include "engine/onednn/onednn.h"
#include "graph/op.h"

typedef struct conv {
    dnnl_memory_desc_t src, weights, bias, dst; /* as the primitive is asked for */
    dnnl_memory_desc_t plain;                   /* the weights as ONNX has them */
    tdi_onednn_numbers numbers;
    dnnl_dims_t strides, dilates, pad_begin, pad_end;
} conv;

typedef enum place { ANY, DENSE, NHWC, BLOCKED } place;

/*
 * oneDNN's own choice comes first; it never picks winograd, and not always the fastest layout. A
 * dense source spares the first convolution of a network a copy. Ways of lower precision follow in
 * the order of td_precision, the usual one last.
 */
static const struct {
    dnnl_alg_kind_t algorithm;
    place src, dst;
    td_precision from, to; /* what the source, and the result, is made of */
} ways[] = {
    {dnnl_convolution_direct, ANY, ANY, TD_PRECISION_F32, TD_PRECISION_F32},
    {dnnl_convolution_direct, NHWC, NHWC, TD_PRECISION_F32, TD_PRECISION_F32},
    {dnnl_convolution_direct, BLOCKED, BLOCKED, TD_PRECISION_F32, TD_PRECISION_F32},
    {dnnl_convolution_direct, DENSE, BLOCKED, TD_PRECISION_F32, TD_PRECISION_F32},
    {dnnl_convolution_direct, DENSE, NHWC, TD_PRECISION_F32, TD_PRECISION_F32},
    {dnnl_convolution_winograd, ANY, ANY, TD_PRECISION_F32, TD_PRECISION_F32},
    {dnnl_convolution_direct, NHWC, NHWC, TD_PRECISION_BF16, TD_PRECISION_F32},
    {dnnl_convolution_direct, DENSE, BLOCKED, TD_PRECISION_BF16, TD_PRECISION_BF16},
    {dnnl_convolution_direct, BLOCKED, BLOCKED, TD_PRECISION_BF16, TD_PRECISION_BF16},
    {dnnl_convolution_direct, NHWC, NHWC, TD_PRECISION_BF16, TD_PRECISION_BF16},
    {dnnl_convolution_direct, NHWC, NHWC, TD_PRECISION_INT8, TD_PRECISION_F32},
    {dnnl_convolution_direct, NHWC, NHWC, TD_PRECISION_INT8, TD_PRECISION_BF16},
    {dnnl_convolution_direct, NHWC, NHWC, TD_PRECISION_INT8, TD_PRECISION_INT8},
};

int tdi_onednn_variants_conv(const tdi_graph *graph, const tdi_step *step) {
    int count = 0;
    if (graph->values[step->node->inputs[0]].shape.rank != 4)
        return 1;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        count += ways[i].from <= step->precision;
    return count;
}

static void put(dnnl_memory_desc_t *md, const td_shape *shape, place where, td_dtype dtype) {
    if (where == ANY)
        tdi_onednn_any(md, shape);
    else if (where == DENSE)
        tdi_onednn_layout(md, shape, TDI_LAYOUT_DENSE, dtype);
    else
        tdi_onednn_layout(md, shape, where == NHWC ? TDI_LAYOUT_NHWC : TDI_LAYOUT_NCHW16C, dtype);
}

int tdi_onednn_supports_conv(const tdi_graph *graph, const tdi_node *node) {
    const td_shape *shape = &graph->values[node->inputs[0]].shape;
    return graph->values[node->inputs[0]].dtype == TD_DTYPE_F32 &&
           graph->values[node->inputs[1]].dtype == TD_DTYPE_F32 &&
           (shape->rank == 3 || shape->rank == 4);
}

/* ONNX's OC x IC/groups x kernel, with the groups as an axis of their own where there are any. */
static td_shape weights_shape(const td_shape *shape, int64_t groups) {
    if (groups == 1)
        return *shape;
    td_shape grouped = {shape->rank + 1, {groups, shape->dim[0] / groups}};
    for (int i = 1; i < shape->rank; i++)
        grouped.dim[i + 1] = shape->dim[i];
    return grouped;
}

static td_status describe(const tdi_compile *compile, const tdi_step *step, conv *c,
                          td_error *err) {
    const tdi_onednn_numbers *n = &c->numbers;
    const tdi_graph *graph = compile->graph;
    const tdi_node *node = step->node;
    const td_shape *kernel = &step->weights.kernel->shape;
    td_shape grouped = weights_shape(kernel, tdi_node_int(node, "group", 1));
    td_shape bias = {1, {kernel->dim[0]}};
    tdi_window window;
    TD_TRY(tdi_window_resolve(graph, node, kernel->dim + 2, &window, err));
    put(&c->src, &graph->values[node->inputs[0]].shape, ways[step->variant].src, n->src);
    put(&c->dst, &graph->values[node->outputs[0]].shape, ways[step->variant].dst, n->dst);
    tdi_onednn_any(&c->weights, &grouped);
    c->weights.data_type = tdi_onednn_type(n->weights);
    tdi_onednn_dense(&c->plain, &grouped);
    tdi_onednn_dense(&c->bias, &bias);
    for (int i = 0; i < window.axes; i++) {
        c->strides[i] = window.stride[i];
        c->dilates[i] = window.dilation[i] - 1;
        c->pad_begin[i] = window.pad_begin[i];
        c->pad_end[i] = window.pad_end[i];
    }
    return TD_OK;
}

static int is_float32(const conv *c) {
    return c->numbers.src == TD_DTYPE_F32;
}

static td_status create(const tdi_compile *compile, const tdi_step *step, const conv *c,
                        dnnl_primitive_desc_t *out, td_error *err) {
    const tdi_onednn *state = compile->state;
    dnnl_convolution_desc_t desc;
    dnnl_primitive_attr_t attr = NULL;
    TD_TRY(tdi_onednn_attr(step, is_float32(c) ? NULL : &c->numbers, &attr, err));
    dnnl_status_t status = dnnl_dilated_convolution_forward_desc_init(
        &desc, dnnl_forward_inference, ways[step->variant].algorithm, &c->src, &c->weights,
        &c->bias, &c->dst, c->strides, c->dilates, c->pad_begin, c->pad_end);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(out, &desc, attr, state->engine, NULL);
    dnnl_primitive_attr_destroy(attr);
    return status == dnnl_success ? TD_OK : tdi_onednn_fail(err, step->node, "the shapes", status);
}

/* oneDNN's plain loops take any layout and hundreds of times as long; they are no variant. */
static int is_reference(const_dnnl_primitive_desc_t pd) {
    const char *name = "";
    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name);
    return strncmp(name, "ref", 3) == 0;
}

td_status tdi_onednn_prepare_conv(const tdi_compile *compile, const tdi_step *step,
                                  const tdi_format *at_hand, tdi_kernel **out, td_error *err) {
    conv c;
    dnnl_primitive_desc_t pd = NULL;
    (void)at_hand;
    td_precision from = ways[step->variant].from, to = ways[step->variant].to;
    TD_TRY(tdi_onednn_numbers_init(compile, step, from, to, &c.numbers, err));
    TD_TRY(describe(compile, step, &c, err));
    TD_TRY(create(compile, step, &c, &pd, err));
    td_status status = TD_UNSUPPORTED;
    if (step->variant == 0 || !is_reference(pd))
        status = tdi_onednn_layer(compile, step, pd, &c.plain, &c.numbers, out, err);
    dnnl_primitive_desc_destroy(pd);
    return status;
}
