/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DepthToSpace and SpaceToDepth: a walk over both tensors as ones of six axes, the longest rows
 * innermost.
 */
#include <string.h>

#include "engine/ops/ops.h"

/* Axes of the walk: picture, channel, block row, block column, row, column, of the smaller picture.
 */
enum { N, C, BY, BX, Y, X, AXES };

/* Strides of the tensor that has the blocks in its picture. */
static void spatial_strides(int64_t *s, const int64_t *dim) {
    int64_t b = dim[BX];
    s[BX] = 1;
    s[X] = b;
    s[BY] = dim[X] * b;
    s[Y] = s[BY] * b;
    s[C] = dim[Y] * s[Y];
    s[N] = dim[C] * s[C];
}

/* Strides of the tensor that has them in its channels: behind the block or in front of it. */
static void depth_strides(int64_t *s, const int64_t *dim, int channel_first) {
    int64_t b = dim[BX], plane = dim[Y] * dim[X];
    s[X] = 1;
    s[Y] = dim[X];
    s[C] = channel_first ? b * b * plane : plane;
    s[BX] = channel_first ? plane : dim[C] * plane;
    s[BY] = b * s[BX];
    s[N] = b * b * dim[C] * plane;
}

td_status tdi_ops_prepare_rearrange(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                                    const void **args, td_error *err) {
    const tdi_value *in = &graph->values[node->inputs[0]], *out = &graph->values[node->outputs[0]];
    int to_space = strcmp(node->op->type, "DepthToSpace") == 0;
    const td_shape *space = to_space ? &out->shape : &in->shape;
    int64_t b = tdi_node_int(node, "blocksize", 1);
    tdi_box *box = tdi_arena_alloc(arena, sizeof *box);
    if (!box)
        return tdi_fail_memory(err);
    box->rank = AXES;
    box->element_bytes = td_dtype_bytes(in->dtype);
    const int64_t dim[AXES] = {space->dim[0],     space->dim[1],    b, b,
                               space->dim[2] / b, space->dim[3] / b};
    memcpy(box->dim, dim, sizeof dim);
    int channel_first = to_space && strcmp(tdi_node_string(node, "mode", "DCR"), "CRD") == 0;
    spatial_strides(to_space ? box->to : box->from, dim);
    depth_strides(to_space ? box->from : box->to, dim, channel_first);
    *args = box;
    return TD_OK;
}

void tdi_ops_run_rearrange(const tdi_ops_call *call) {
    tdi_box_copy(call->args, call->output.data, call->inputs[0].data);
}
