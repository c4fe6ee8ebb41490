/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a graph can be run at all, asked before anything is made.
 */
#include "engine/ops/ops.h"
#include "engine/program.h"

static int runs(const tdi_graph *graph, const tdi_node *node) {
    tdi_step_kind kind = tdi_step_kind_of(graph, node);
    if (kind == TDI_STEP_VIEW)
        return 1;
    /* Constants are computed by the plain operators. */
    if (!graph->values[node->outputs[0]].depends_on_input)
        return tdi_ops_backend.supports(graph, node, TDI_STEP_NODE);
    return tdi_backend_for(graph, node, kind) != NULL;
}

td_status tdi_engine_check(const tdi_graph *graph, td_error *err) {
    for (int n = 0; n < graph->node_count; n++) {
        const tdi_node *node = &graph->nodes[n];
        if (runs(graph, node))
            continue;
        const tdi_value *in = tdi_node_input(graph, node, 0);
        return tdi_fail_at(err, TD_UNSUPPORTED, n,
                           "operator %s (node \"%s\") cannot be run on %s in this form; float32 "
                           "activations and constant weights are needed",
                           node->op->type, node->name, in ? td_dtype_name(in->dtype) : "nothing");
    }
    return TD_OK;
}
