/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking into a graph, and freeing it. Building is build.c's.
 */
#include "graph/op.h"

#include <string.h>

#include "graph/build.h"

void tdi_node_fini(tdi_node *node) {
    for (size_t a = 0; a < node->attr_count; a++)
        tdi_tensor_unref(node->attrs[a].tensor);
}

void tdi_graph_free(tdi_graph *graph) {
    if (!graph)
        return;
    for (int i = 0; i < graph->value_count; i++)
        tdi_tensor_unref(graph->values[i].data);
    for (int n = 0; n < graph->node_count; n++)
        tdi_node_fini(&graph->nodes[n]);
    tdi_free(graph->values);
    tdi_free(graph->nodes);
    tdi_arena_free(&graph->arena);
    tdi_free(graph);
}

static int find_value(const tdi_graph *graph, const char *name) {
    for (int i = 0; i < graph->value_count; i++)
        if (!strcmp(graph->values[i].name, name))
            return i;
    return -1;
}

int tdi_graph_find(const tdi_graph *graph, const char *name) {
    int index = find_value(graph, name);
    if (index >= 0)
        return index;
    for (size_t i = 0; i < graph->alias_count; i++)
        if (!strcmp(graph->aliases[2 * i], name))
            return find_value(graph, graph->aliases[2 * i + 1]);
    return -1;
}

const tdi_attr *tdi_node_attr(const tdi_node *node, const char *name) {
    for (size_t i = 0; i < node->attr_count; i++)
        if (!strcmp(node->attrs[i].name, name))
            return &node->attrs[i];
    return NULL;
}

static const tdi_attr *attr_of(const tdi_node *node, const char *name, tdi_attr_kind kind) {
    const tdi_attr *attr = tdi_node_attr(node, name);
    return attr && attr->kind == kind ? attr : NULL;
}

int64_t tdi_node_int(const tdi_node *node, const char *name, int64_t fallback) {
    const tdi_attr *attr = attr_of(node, name, TDI_ATTR_INT);
    return attr ? attr->i : fallback;
}

float tdi_node_float(const tdi_node *node, const char *name, float fallback) {
    const tdi_attr *attr = attr_of(node, name, TDI_ATTR_FLOAT);
    return attr ? attr->f : fallback;
}

const char *tdi_node_string(const tdi_node *node, const char *name, const char *fallback) {
    const tdi_attr *attr = attr_of(node, name, TDI_ATTR_STRING);
    return attr ? attr->s : fallback;
}

const tdi_tensor *tdi_node_tensor(const tdi_node *node, const char *name) {
    const tdi_attr *attr = attr_of(node, name, TDI_ATTR_TENSOR);
    return attr ? attr->tensor : NULL;
}

const tdi_value *tdi_node_input(const tdi_graph *graph, const tdi_node *node, int index) {
    if (index >= node->input_count || node->inputs[index] < 0)
        return NULL;
    return &graph->values[node->inputs[index]];
}

tdi_value *tdi_node_output(const tdi_graph *graph, const tdi_node *node, int index) {
    if (index >= node->output_count || node->outputs[index] < 0)
        return NULL;
    return &graph->values[node->outputs[index]];
}

int64_t tdi_graph_parameters(const tdi_graph *graph) {
    int64_t sum = 0;
    for (int i = 0; i < graph->value_count; i++)
        if (graph->values[i].data)
            sum += td_shape_elements(&graph->values[i].data->shape);
    return sum;
}

int64_t tdi_graph_macs(const tdi_graph *graph) {
    int64_t sum = 0;
    for (int i = 0; i < graph->node_count; i++)
        sum += graph->nodes[i].macs;
    return sum;
}
