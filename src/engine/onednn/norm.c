/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BatchNormalization that stands alone: behind no convolution, or behind one that others read, too.
 */
#include <string.h>

#include "base/memory.h"
#include "engine/onednn/onednn.h"
#include "graph/op.h"

int tdi_onednn_supports_norm(const tdi_graph *graph, const tdi_node *node) {
    const tdi_value *in = &graph->values[node->inputs[0]];
    if (in->dtype != TD_DTYPE_F32 || in->shape.rank < 2 || in->shape.rank > 4)
        return 0;
    for (int i = 1; i < 5; i++)
        if (graph->values[node->inputs[i]].dtype != TD_DTYPE_F32 ||
            graph->values[node->inputs[i]].depends_on_input)
            return 0;
    return 1;
}

static const float *parameter(const tdi_compile *compile, const tdi_node *node, int index) {
    return compile->graph->values[node->inputs[index]].data->data;
}

static td_status add_statistics(const tdi_compile *compile, const tdi_node *node, int64_t channels,
                                tdi_onednn_kernel *kernel, td_error *err) {
    td_shape vector = {1, {channels}}, pair = {2, {2, channels}};
    dnnl_memory_desc_t md;
    tdi_pack *pack;
    tdi_onednn_dense(&md, &vector);
    TD_TRY(tdi_onednn_pack_vector(compile, parameter(compile, node, 3), channels, &pack, err));
    tdi_onednn_kernel_pack(kernel, DNNL_ARG_MEAN, &md, pack);
    TD_TRY(tdi_onednn_pack_vector(compile, parameter(compile, node, 4), channels, &pack, err));
    tdi_onednn_kernel_pack(kernel, DNNL_ARG_VARIANCE, &md, pack);
    size_t bytes = (size_t)channels * sizeof(float);
    float *both = tdi_malloc(2 * bytes);
    if (!both)
        return tdi_fail_memory(err);
    memcpy(both, parameter(compile, node, 1), bytes);
    memcpy(both + channels, parameter(compile, node, 2), bytes);
    td_status status = tdi_onednn_pack_vector(compile, both, 2 * channels, &pack, err);
    tdi_free(both);
    if (status != TD_OK)
        return status;
    tdi_onednn_dense(&md, &pair);
    tdi_onednn_kernel_pack(kernel, DNNL_ARG_SCALE_SHIFT, &md, pack);
    return TD_OK;
}

td_status tdi_onednn_prepare_norm(const tdi_compile *compile, const tdi_step *step,
                                  const tdi_format *at_hand, tdi_kernel **out, td_error *err) {
    const td_shape *shape = &compile->graph->values[step->inputs[0]].shape;
    /* The statistics are arguments of the primitive, but inputs of the step only in name. */
    const int args[5] = {DNNL_ARG_SRC, 0, 0, 0, 0};
    dnnl_memory_desc_t mds[5];
    dnnl_batch_normalization_desc_t desc;
    tdi_onednn_desc(&mds[0], shape, &at_hand[0]);
    for (int i = 1; i < 5; i++)
        tdi_onednn_dense(&mds[i], &compile->graph->values[step->inputs[i]].shape);
    dnnl_status_t made = dnnl_batch_normalization_forward_desc_init(
        &desc, dnnl_forward_inference, &mds[0], tdi_node_float(step->node, "epsilon", 1e-5f),
        dnnl_use_global_stats | dnnl_use_scaleshift);
    if (made != dnnl_success)
        return tdi_onednn_fail(err, step->node, "the shapes", made);
    TD_TRY(tdi_onednn_simple(compile, step, &desc, args, mds, out, err));
    td_status status = add_statistics(compile, step->node, shape->dim[1], (tdi_onednn_kernel *)*out,
                                      err);
    if (status != TD_OK)
        tdi_onednn_release(compile, *out);
    return status;
}
