/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking out nodes that only pass a tensor on. Their outputs' names become aliases; a graph output
 * keeps its own name, and what was copied into it becomes the alias.
 */
#include <string.h>

#include "graph/onnx/proto.h"

typedef struct folding {
    tdi_graph *graph;
    int *instead;       /* per value: the value that takes its place; itself where it stays */
    uint8_t *is_output; /* per value */
} folding;

static int resolve(const folding *f, int value) {
    return value < 0 ? -1 : f->instead[value];
}

/* Whether the value that is copied can take over the name of a graph output. */
static int may_rename(const folding *f, int value) {
    return f->graph->values[value].producer >= 0 && !f->is_output[value];
}

/* Returns whether the node is gone. Values before it are resolved already. */
static int fold_node(folding *f, tdi_node *node) {
    if (strcmp(node->op->type, "Identity") != 0 || node->input_count != 1 ||
        node->output_count != 1 || node->inputs[0] < 0)
        return 0;
    int from = node->inputs[0], to = node->outputs[0];
    tdi_value *source = &f->graph->values[from], *copy = &f->graph->values[to];
    if (f->is_output[to]) {
        if (!may_rename(f, from))
            return 0;
        const char *name = source->name;
        source->name = copy->name;
        copy->name = name;
        f->is_output[from] = 1;
    }
    f->instead[to] = from;
    return 1;
}

static td_status add_aliases(const folding *f, td_error *err) {
    tdi_graph *graph = f->graph;
    size_t count = 0;
    for (int i = 0; i < graph->value_count; i++)
        count += f->instead[i] != i;
    if (!count)
        return TD_OK;
    graph->aliases = tdi_arena_alloc(&graph->arena, 2 * count * sizeof *graph->aliases);
    if (!graph->aliases)
        return tdi_fail_memory(err);
    for (int i = 0; i < graph->value_count; i++)
        if (f->instead[i] != i) {
            graph->aliases[2 * graph->alias_count] = graph->values[i].name;
            graph->aliases[2 * graph->alias_count + 1] = graph->values[f->instead[i]].name;
            graph->alias_count++;
        }
    return TD_OK;
}

/* Nodes that are gone lose their output; those behind move up. */
static void fold_nodes(folding *f) {
    tdi_graph *graph = f->graph;
    int kept = 0;
    for (int n = 0; n < graph->node_count; n++) {
        tdi_node node = graph->nodes[n];
        for (int i = 0; i < node.input_count; i++)
            node.inputs[i] = resolve(f, node.inputs[i]);
        if (fold_node(f, &node))
            continue;
        for (int i = 0; i < node.output_count; i++)
            if (node.outputs[i] >= 0)
                graph->values[node.outputs[i]].producer = kept;
        graph->nodes[kept++] = node;
    }
    graph->node_count = kept;
    for (int i = 0; i < graph->output_count; i++)
        graph->outputs[i] = resolve(f, graph->outputs[i]);
    for (int i = 0; i < graph->value_count; i++)
        if (f->instead[i] != i)
            graph->values[i].producer = -1;
}

td_status tdi_onnx_fold(tdi_graph *graph, td_error *err) {
    size_t values = (size_t)graph->value_count + 1;
    folding f = {graph, tdi_malloc(values * sizeof *f.instead), tdi_calloc(values, 1)};
    td_status status = TD_OK;
    if (!f.instead || !f.is_output) {
        status = tdi_fail_memory(err);
        goto end;
    }
    for (int i = 0; i < graph->value_count; i++)
        f.instead[i] = i;
    for (int i = 0; i < graph->output_count; i++)
        f.is_output[graph->outputs[i]] = 1;
    fold_nodes(&f);
    status = add_aliases(&f, err);
end:
    tdi_free(f.instead);
    tdi_free(f.is_output);
    return status;
}
