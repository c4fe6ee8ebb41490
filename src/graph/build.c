/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting a graph together.
 */
#include "graph/build.h"

#include <limits.h>
#include <string.h>

tdi_graph *tdi_graph_new(const char *name, int64_t opset, int64_t ir_version) {
    tdi_graph *graph = tdi_calloc(1, sizeof *graph);
    if (!graph)
        return NULL;
    graph->opset = opset;
    graph->ir_version = ir_version;
    graph->batch = 1;
    graph->name = tdi_arena_strdup(&graph->arena, name);
    if (!graph->name) {
        tdi_graph_free(graph);
        return NULL;
    }
    return graph;
}

int tdi_graph_add_value(tdi_graph *graph, const char *name, td_dtype dtype, const td_shape *shape) {
    char *copy = tdi_arena_strdup(&graph->arena, name);
    td_shape known = {-1, {0}};
    if (shape)
        known = *shape; /* before the array moves: it may be another value's */
    if (!copy || graph->value_count == INT_MAX ||
        tdi_grow(&graph->values, &graph->value_capacity, (size_t)graph->value_count + 1,
                 sizeof *graph->values))
        return -1;
    tdi_value *value = &graph->values[graph->value_count];
    memset(value, 0, sizeof *value);
    value->name = copy;
    value->dtype = dtype;
    value->producer = -1;
    value->shape = known;
    return graph->value_count++;
}

int tdi_graph_add_constant(tdi_graph *graph, const char *name, tdi_tensor *tensor) {
    if (!tensor)
        return -1;
    int index = tdi_graph_add_value(graph, name, tensor->dtype, &tensor->shape);
    if (index < 0)
        tdi_tensor_unref(tensor);
    else
        graph->values[index].data = tensor;
    return index;
}

int tdi_graph_add_scalar(tdi_graph *graph, const char *name, float value) {
    td_shape scalar = tdi_shape_of(0, NULL);
    tdi_tensor *tensor = tdi_tensor_new(TD_DTYPE_F32, &scalar);
    if (tensor)
        memcpy(tensor->data, &value, sizeof value);
    return tdi_graph_add_constant(graph, name, tensor);
}

static int copy_indices(tdi_graph *graph, const int *from, int count, int **to) {
    *to = NULL;
    if (count == 0)
        return 0;
    *to = tdi_arena_copy(&graph->arena, from, (size_t)count * sizeof **to);
    return *to ? 0 : -1;
}

tdi_node *tdi_graph_add_node(tdi_graph *graph, const tdi_op *op, const char *name,
                             const int *inputs, int input_count, const int *outputs,
                             int output_count) {
    if (graph->node_count == INT_MAX ||
        tdi_grow(&graph->nodes, &graph->node_capacity, (size_t)graph->node_count + 1,
                 sizeof *graph->nodes))
        return NULL;
    tdi_node *node = &graph->nodes[graph->node_count];
    memset(node, 0, sizeof *node);
    node->op = op;
    node->input_count = input_count;
    node->output_count = output_count;
    node->name = tdi_arena_strdup(&graph->arena, name);
    if (!node->name || copy_indices(graph, inputs, input_count, &node->inputs) ||
        copy_indices(graph, outputs, output_count, &node->outputs))
        return NULL;
    for (int i = 0; i < output_count; i++)
        if (outputs[i] >= 0)
            graph->values[outputs[i]].producer = graph->node_count;
    graph->node_count++;
    return node;
}

tdi_attr *tdi_graph_add_attr(tdi_graph *graph, tdi_node *node, const char *name,
                             tdi_attr_kind kind) {
    enum { STEP = 8 };
    if (node->attr_count % STEP == 0) {
        tdi_attr *more = tdi_arena_alloc(&graph->arena,
                                         (node->attr_count + STEP) * sizeof *node->attrs);
        if (!more)
            return NULL;
        if (node->attr_count)
            memcpy(more, node->attrs, node->attr_count * sizeof *more);
        node->attrs = more;
    }
    char *copy = tdi_arena_strdup(&graph->arena, name);
    if (!copy)
        return NULL;
    tdi_attr *attr = &node->attrs[node->attr_count++];
    attr->name = copy;
    attr->kind = kind;
    return attr;
}

int tdi_graph_add_int(tdi_graph *graph, tdi_node *node, const char *name, int64_t value) {
    tdi_attr *attr = tdi_graph_add_attr(graph, node, name, TDI_ATTR_INT);
    if (!attr)
        return -1;
    attr->i = value;
    return 0;
}

int tdi_graph_add_float(tdi_graph *graph, tdi_node *node, const char *name, float value) {
    tdi_attr *attr = tdi_graph_add_attr(graph, node, name, TDI_ATTR_FLOAT);
    if (!attr)
        return -1;
    attr->f = value;
    return 0;
}

int tdi_graph_add_string(tdi_graph *graph, tdi_node *node, const char *name, const char *value) {
    tdi_attr *attr = tdi_graph_add_attr(graph, node, name, TDI_ATTR_STRING);
    if (!attr)
        return -1;
    attr->s = tdi_arena_strdup(&graph->arena, value);
    return attr->s ? 0 : -1;
}

int tdi_graph_add_ints(tdi_graph *graph, tdi_node *node, const char *name, const int64_t *values,
                       size_t count) {
    tdi_attr *attr = tdi_graph_add_attr(graph, node, name, TDI_ATTR_INTS);
    if (!attr)
        return -1;
    if (count) {
        attr->ints = tdi_arena_copy(&graph->arena, values, count * sizeof *values);
        if (!attr->ints)
            return -1;
    }
    attr->count = count;
    return 0;
}

int tdi_graph_add_tensor(tdi_graph *graph, tdi_node *node, const char *name, tdi_tensor *tensor) {
    tdi_attr *attr = tdi_graph_add_attr(graph, node, name, TDI_ATTR_TENSOR);
    if (attr)
        attr->tensor = tensor;
    else
        tdi_tensor_unref(tensor);
    return attr ? 0 : -1;
}

int tdi_graph_add_floats(tdi_graph *graph, tdi_node *node, const char *name, const float *values,
                         size_t count) {
    tdi_attr *attr = tdi_graph_add_attr(graph, node, name, TDI_ATTR_FLOATS);
    if (!attr)
        return -1;
    if (count) {
        attr->floats = tdi_arena_copy(&graph->arena, values, count * sizeof *values);
        if (!attr->floats)
            return -1;
    }
    attr->count = count;
    return 0;
}

int tdi_graph_set_inputs(tdi_graph *graph, const int *values, int count) {
    if (copy_indices(graph, values, count, &graph->inputs))
        return -1;
    graph->input_count = count;
    return 0;
}

int tdi_graph_set_outputs(tdi_graph *graph, const int *values, int count) {
    if (copy_indices(graph, values, count, &graph->outputs))
        return -1;
    graph->output_count = count;
    return 0;
}
