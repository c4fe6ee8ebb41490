/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ConvTranspose with constant weights: what oneDNN calls a deconvolution.
 */
#include <string.h>

#include "engine/onednn/onednn.h"
#include "graph/op.h"

typedef struct deconv {
    dnnl_memory_desc_t src, weights, bias, dst;
    dnnl_memory_desc_t plain; /* the weights as ONNX has them */
    dnnl_dims_t strides, dilates, pad_begin, pad_end;
    int has_bias;
} deconv;

static int is_constant(const tdi_value *value) {
    return value->dtype == TD_DTYPE_F32 && !value->depends_on_input;
}

int tdi_onednn_supports_deconv(const tdi_graph *graph, const tdi_node *node) {
    const tdi_value *in = &graph->values[node->inputs[0]], *bias = tdi_node_input(graph, node, 2);
    tdi_window w;
    if (in->dtype != TD_DTYPE_F32 || !is_constant(&graph->values[node->inputs[1]]) ||
        (bias && !is_constant(bias)) || tdi_conv_transpose_resolve(graph, node, &w, NULL) != TD_OK)
        return 0;
    /* Outputs behind the last window, which oneDNN does not have. */
    for (int i = 0; i < w.axes; i++) {
        int64_t reach = (w.kernel[i] - 1) * w.dilation[i] + 1 - w.pad_begin[i];
        if (w.out[i] - reach >= w.in[i] * w.stride[i])
            return 0;
    }
    return 1;
}

/* ONNX's IC x OC/groups x kernel, as oneDNN's [groups x] OC/groups x IC/groups x kernel. */
static void describe_weights(deconv *d, const td_shape *shape, int64_t groups) {
    dnnl_dims_t dims, strides;
    dnnl_dim_t taps = 1;
    int rank = 0;
    for (int i = 2; i < shape->rank; i++)
        taps *= shape->dim[i];
    if (groups > 1) {
        strides[rank] = shape->dim[0] / groups * shape->dim[1] * taps;
        dims[rank++] = groups;
    }
    strides[rank] = taps;
    dims[rank++] = shape->dim[1];
    strides[rank] = shape->dim[1] * taps;
    dims[rank++] = shape->dim[0] / groups;
    for (int i = 2; i < shape->rank; i++) {
        taps /= shape->dim[i];
        strides[rank] = taps;
        dims[rank++] = shape->dim[i];
    }
    dnnl_memory_desc_init_by_strides(&d->plain, rank, dims, dnnl_f32, strides);
    dnnl_memory_desc_init_by_tag(&d->weights, rank, dims, dnnl_f32, dnnl_format_tag_any);
}

static td_status describe(const tdi_compile *compile, const tdi_node *node, deconv *d,
                          td_error *err) {
    const tdi_graph *graph = compile->graph;
    const td_shape *kernel = &graph->values[node->inputs[1]].shape;
    int64_t groups = tdi_node_int(node, "group", 1);
    td_shape bias = {1, {kernel->dim[1] * groups}};
    tdi_window w;
    TD_TRY(tdi_conv_transpose_resolve(graph, node, &w, err));
    tdi_onednn_any(&d->src, &graph->values[node->inputs[0]].shape);
    tdi_onednn_any(&d->dst, &graph->values[node->outputs[0]].shape);
    tdi_onednn_dense(&d->bias, &bias);
    d->has_bias = tdi_node_input(graph, node, 2) != NULL;
    describe_weights(d, kernel, groups);
    for (int i = 0; i < w.axes; i++) {
        d->strides[i] = w.stride[i];
        d->dilates[i] = w.dilation[i] - 1;
        d->pad_begin[i] = w.pad_begin[i];
        /* What the windows reach behind the output. */
        int64_t end = (w.in[i] - 1) * w.stride[i] + (w.kernel[i] - 1) * w.dilation[i] + 1 -
                      w.pad_begin[i] - w.out[i];
        d->pad_end[i] = end > 0 ? end : 0;
    }
    return TD_OK;
}

static td_status add_args(const tdi_compile *compile, const tdi_step *step, const deconv *d,
                          const tdi_format *at_hand, const_dnnl_primitive_desc_t pd,
                          tdi_onednn_kernel *kernel, td_error *err) {
    const tdi_value *values = compile->graph->values;
    const dnnl_memory_desc_t *weights = dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
    tdi_weights recipe = {0};
    tdi_pack *pack;
    TD_TRY(tdi_onednn_kernel_input(compile, kernel, 0, DNNL_ARG_SRC,
                                   dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0), err));
    /* The weights are arguments of the primitive, but inputs of the step only in name. */
    for (int i = 1; i < step->input_count; i++)
        kernel->formats[i] = at_hand[i];
    if (tdi_weights_init(&recipe, compile->arena, values[step->inputs[1]].data, 0, NULL, 1, 1) != 0)
        return tdi_fail_memory(err);
    TD_TRY(tdi_onednn_pack_kernel(compile, &recipe, &d->plain, weights, NULL, &pack, err));
    tdi_onednn_kernel_pack(kernel, DNNL_ARG_WEIGHTS, weights, pack);
    if (!d->has_bias)
        return TD_OK;
    TD_TRY(tdi_onednn_pack_vector(compile, values[step->inputs[2]].data->data, d->bias.dims[0],
                                  &pack, err));
    tdi_onednn_kernel_pack(kernel, DNNL_ARG_BIAS, &d->bias, pack);
    return TD_OK;
}

td_status tdi_onednn_prepare_deconv(const tdi_compile *compile, const tdi_step *step,
                                    const tdi_format *at_hand, tdi_kernel **out, td_error *err) {
    const tdi_onednn *state = compile->state;
    deconv d;
    dnnl_deconvolution_desc_t desc;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_attr_t attr = NULL;
    tdi_onednn_kernel *kernel = NULL;
    TD_TRY(describe(compile, step->node, &d, err));
    TD_TRY(tdi_onednn_attr(step, NULL, &attr, err));
    dnnl_status_t made = dnnl_dilated_deconvolution_forward_desc_init(
        &desc, dnnl_forward_inference, dnnl_deconvolution_direct, &d.src, &d.weights,
        d.has_bias ? &d.bias : NULL, &d.dst, d.strides, d.dilates, d.pad_begin, d.pad_end);
    if (made == dnnl_success)
        made = dnnl_primitive_desc_create(&pd, &desc, attr, state->engine, NULL);
    dnnl_primitive_attr_destroy(attr);
    if (made != dnnl_success)
        return tdi_onednn_fail(err, step->node, "the shapes", made);
    td_status status = tdi_onednn_kernel_new(compile, pd, step->input_count, &kernel, err);
    if (status == TD_OK)
        status = add_args(compile, step, &d, at_hand, pd, kernel, err);
    dnnl_primitive_desc_destroy(pd);
    if (status == TD_OK)
        *out = &kernel->base;
    else if (kernel)
        tdi_onednn_release(compile, &kernel->base);
    return status;
}
