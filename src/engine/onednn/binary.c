/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elementwise operators of two activations, of which one has the shape of the result.
 */
#include <string.h>

#include "engine/onednn/onednn.h"
#include "graph/op.h"

static int algorithm_of(const tdi_node *node, dnnl_alg_kind_t *algorithm, int *commutes) {
    static const struct {
        const char *type;
        dnnl_alg_kind_t algorithm;
        int commutes;
    } table[] = {
        {"Add", dnnl_binary_add, 1}, {"Sub", dnnl_binary_sub, 0}, {"Mul", dnnl_binary_mul, 1},
        {"Div", dnnl_binary_div, 0}, {"Max", dnnl_binary_max, 1}, {"Min", dnnl_binary_min, 1},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(node->op->type, table[i].type) == 0) {
            *algorithm = table[i].algorithm;
            *commutes = table[i].commutes;
            return 1;
        }
    }
    return 0;
}

/* Which operand has the shape of the result and may come first; -1: none. */
static int full_operand(const tdi_graph *graph, const tdi_node *node, int commutes) {
    const td_shape *result = &graph->values[node->outputs[0]].shape;
    for (int i = 0; i <= (commutes ? 1 : 0); i++)
        if (td_shape_equal(&graph->values[node->inputs[i]].shape, result))
            return i;
    return -1;
}

int tdi_onednn_supports_binary(const tdi_graph *graph, const tdi_node *node) {
    dnnl_alg_kind_t algorithm;
    int commutes;
    if (node->input_count != 2 || !algorithm_of(node, &algorithm, &commutes))
        return 0;
    const tdi_value *a = &graph->values[node->inputs[0]], *b = &graph->values[node->inputs[1]];
    /* Constants are dense: a plain loop over them is exact and as good. */
    if (a->dtype != TD_DTYPE_F32 || !a->depends_on_input || !b->depends_on_input)
        return 0;
    return a->shape.rank == b->shape.rank && a->shape.rank >= 1 && a->shape.rank <= 5 &&
           full_operand(graph, node, commutes) >= 0;
}

td_status tdi_onednn_prepare_binary(const tdi_compile *compile, const tdi_step *step,
                                    const tdi_format *at_hand, tdi_kernel **out, td_error *err) {
    const tdi_graph *graph = compile->graph;
    dnnl_alg_kind_t algorithm = dnnl_binary_add;
    int commutes = 0, args[2];
    dnnl_memory_desc_t mds[2], dst;
    dnnl_binary_desc_t desc;
    algorithm_of(step->node, &algorithm, &commutes);
    int first = full_operand(graph, step->node, commutes), second = 1 - first;
    const td_shape *shape = &graph->values[step->inputs[first]].shape;
    const td_shape *other = &graph->values[step->inputs[second]].shape;
    tdi_onednn_desc(&mds[first], shape, &at_hand[first]);
    if (td_shape_equal(shape, other))
        mds[second] = mds[first];
    else
        tdi_onednn_desc(&mds[second], other, &at_hand[second]);
    dst = mds[first];
    args[first] = DNNL_ARG_SRC_0;
    args[second] = DNNL_ARG_SRC_1;
    dnnl_status_t made = dnnl_binary_desc_init(&desc, algorithm, &mds[first], &mds[second], &dst);
    if (made != dnnl_success)
        return tdi_onednn_fail(err, step->node, "the shapes", made);
    TD_TRY(tdi_onednn_simple(compile, step, &desc, args, mds, out, err));
    (*out)->may_overwrite = first;
    return TD_OK;
}
