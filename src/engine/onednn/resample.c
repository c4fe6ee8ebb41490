/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resize and Upsample of pictures where oneDNN does the same: it takes half-pixel coordinates, by
 * the ratio of the sizes.
 */
#include <string.h>

#include "engine/onednn/onednn.h"
#include "graph/op.h"

/* Whether every output takes the nearest input that oneDNN takes: enlarging by whole numbers, where
 * most coordinate systems agree. */
static int is_whole(const tdi_resize *r, int axis) {
    int64_t factor = r->out[axis] / r->in[axis];
    if (r->out[axis] % r->in[axis] || r->scale[axis] != (float)factor)
        return 0;
    if (factor == 1)
        return r->coordinates != TDI_RESIZE_CROP;
    if (r->coordinates == TDI_RESIZE_ASYMMETRIC)
        return r->rounding == TDI_ROUND_FLOOR || r->rounding == TDI_ROUND_SIMPLE;
    return (r->coordinates == TDI_RESIZE_HALF_PIXEL ||
            r->coordinates == TDI_RESIZE_PYTORCH_HALF_PIXEL) &&
           (r->rounding == TDI_ROUND_PREFER_FLOOR || r->rounding == TDI_ROUND_PREFER_CEIL);
}

static int is_half_pixel(const tdi_resize *r, int axis) {
    if (r->out[axis] == r->in[axis])
        return r->scale[axis] == 1 && r->coordinates != TDI_RESIZE_CROP;
    return (r->coordinates == TDI_RESIZE_HALF_PIXEL ||
            (r->coordinates == TDI_RESIZE_PYTORCH_HALF_PIXEL && r->out[axis] > 1)) &&
           r->scale[axis] == (float)r->out[axis] / (float)r->in[axis];
}

/* Operators whose results oneDNN has in layouts of its own. */
static int makes_layouts(const char *type) {
    static const char *const makers[] = {"AveragePool", "Conv", "ConvTranspose", "MaxPool"};
    for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++)
        if (strcmp(makers[i], type) == 0)
            return 1;
    return 0;
}

/*
 * Whether the picture comes in such a layout and stays in it. On dense tensors oneDNN takes several
 * times as long as plain loops; in the middle of a network it saves two copies.
 */
static int is_between_layers(const tdi_graph *graph, const tdi_node *node) {
    enum { STEPS_MAX = 8 };
    for (int i = 0; i < graph->output_count; i++)
        if (graph->outputs[i] == node->outputs[0])
            return 0;
    const tdi_value *value = &graph->values[node->inputs[0]];
    for (int i = 0; i < STEPS_MAX && value->producer >= 0; i++) {
        const tdi_node *producer = &graph->nodes[value->producer];
        if (makes_layouts(producer->op->type))
            return 1;
        if (value->shape.rank != graph->values[producer->inputs[0]].shape.rank)
            return 0;
        value = &graph->values[producer->inputs[0]];
    }
    return 0;
}

int tdi_onednn_supports_resample(const tdi_graph *graph, const tdi_node *node) {
    const tdi_value *in = &graph->values[node->inputs[0]];
    tdi_resize r;
    if (in->dtype != TD_DTYPE_F32 || in->shape.rank < 3 || in->shape.rank > 5 ||
        tdi_resize_resolve(graph, node, &r, NULL) != TD_OK || r.mode == TDI_RESIZE_CUBIC ||
        r.in[0] != r.out[0] || r.in[1] != r.out[1] || !is_between_layers(graph, node))
        return 0;
    for (int axis = 2; axis < r.rank; axis++)
        if (r.mode == TDI_RESIZE_NEAREST ? !is_whole(&r, axis) : !is_half_pixel(&r, axis))
            return 0;
    return 1;
}

td_status tdi_onednn_prepare_resample(const tdi_compile *compile, const tdi_step *step,
                                      const tdi_format *at_hand, tdi_kernel **out, td_error *err) {
    const tdi_value *values = compile->graph->values;
    static const int args[4] = {DNNL_ARG_SRC, 0, 0, 0}; /* the others were read by now */
    dnnl_memory_desc_t mds[4], dst;
    dnnl_resampling_desc_t desc;
    tdi_resize r;
    TD_TRY(tdi_resize_resolve(compile->graph, step->node, &r, err));
    tdi_onednn_desc(&mds[0], &values[step->inputs[0]].shape, &at_hand[0]);
    for (int i = 1; i < step->input_count; i++)
        mds[i] = mds[0];
    tdi_onednn_any(&dst, &values[step->output].shape);
    dnnl_status_t made = dnnl_resampling_forward_desc_init(
        &desc, dnnl_forward_inference,
        r.mode == TDI_RESIZE_NEAREST ? dnnl_resampling_nearest : dnnl_resampling_linear, NULL,
        &mds[0], &dst);
    if (made != dnnl_success)
        return tdi_onednn_fail(err, step->node, "the sizes", made);
    TD_TRY(tdi_onednn_simple(compile, step, &desc, args, mds, out, err));
    for (int i = 1; i < step->input_count; i++)
        ((tdi_onednn_kernel *)*out)->formats[i] = at_hand[i];
    return TD_OK;
}
