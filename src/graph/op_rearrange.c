/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operators that move elements between channels and places: DepthToSpace, SpaceToDepth.
 */
#include <string.h>

#include "graph/op_util.h"

static td_status read_block(const tdi_node *node, int64_t *block, td_error *err) {
    *block = tdi_node_int(node, "blocksize", 0);
    if (*block < 1 || *block > (1 << 15))
        return tdi_op_fail(node, err, TD_FORMAT, "blocksize must not be %lld", (long long)*block);
    return TD_OK;
}

td_status tdi_infer_depth_to_space(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    int64_t block;
    TD_TRY(tdi_op_check(graph, node, 0, 4, 4, 0, err));
    TD_TRY(read_block(node, &block, err));
    const tdi_value *x = tdi_node_input(graph, node, 0);
    const char *mode = tdi_node_string(node, "mode", "DCR");
    if (strcmp(mode, "DCR") != 0 && strcmp(mode, "CRD") != 0)
        return tdi_op_fail(node, err, TD_FORMAT, "mode \"%.20s\" is not known", mode);
    td_shape shape = x->shape;
    if (shape.dim[1] % (block * block))
        return tdi_op_fail(node, err, TD_FORMAT, "%lld channels do not make blocks of %lldx%lld",
                           (long long)shape.dim[1], (long long)block, (long long)block);
    shape.dim[1] /= block * block;
    shape.dim[2] *= block;
    shape.dim[3] *= block;
    return tdi_op_output(graph, node, 0, x->dtype, &shape, err);
}

td_status tdi_infer_space_to_depth(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    int64_t block;
    TD_TRY(tdi_op_check(graph, node, 0, 4, 4, 0, err));
    TD_TRY(read_block(node, &block, err));
    const tdi_value *x = tdi_node_input(graph, node, 0);
    td_shape shape = x->shape;
    if (shape.dim[2] % block || shape.dim[3] % block)
        return tdi_op_fail(node, err, TD_FORMAT, "%lldx%lld is not made of blocks of %lldx%lld",
                           (long long)shape.dim[2], (long long)shape.dim[3], (long long)block,
                           (long long)block);
    shape.dim[1] *= block * block;
    shape.dim[2] /= block;
    shape.dim[3] /= block;
    return tdi_op_output(graph, node, 0, x->dtype, &shape, err);
}
