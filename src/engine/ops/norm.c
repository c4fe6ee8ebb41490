/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BatchNormalization with its parameters as inputs, of any rank.
 */
#include <math.h>

#include "engine/ops/ops.h"

td_status tdi_ops_prepare_norm(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                               const void **args, td_error *err) {
    float *epsilon = tdi_arena_alloc(arena, sizeof *epsilon);
    (void)graph;
    if (!epsilon)
        return tdi_fail_memory(err);
    *epsilon = tdi_node_float(node, "epsilon", 1e-5f);
    *args = epsilon;
    return TD_OK;
}

void tdi_ops_run_norm(const tdi_ops_call *call) {
    double epsilon = (double)*(const float *)call->args;
    const tdi_operand *inputs = call->inputs;
    const float *in = inputs[0].data, *scale = inputs[1].data, *shift = inputs[2].data;
    const float *mean = inputs[3].data, *variance = inputs[4].data;
    float *out = call->output.data;
    int64_t channels = call->output.shape->dim[1];
    int64_t planes = call->output.shape->dim[0] * channels;
    int64_t count = planes > 0 ? td_shape_elements(call->output.shape) / planes : 0;
    for (int64_t plane = 0; plane < planes; plane++, in += count, out += count) {
        int64_t c = plane % channels;
        double factor = (double)scale[c] / sqrt((double)variance[c] + epsilon);
        double offset = (double)shift[c] - (double)mean[c] * factor;
        for (int64_t i = 0; i < count; i++)
            out[i] = (float)(factor * (double)in[i] + offset);
    }
}
