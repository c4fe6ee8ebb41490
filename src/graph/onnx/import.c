/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GraphProto to graph: names become indices, nodes are sorted, initializers and Constant nodes
 * become constants.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "graph/onnx/onnx.h"
#include "graph/onnx/proto.h"
#include "graph/op.h"

/* What defines a name; in this order where two do. */
typedef enum origin { FROM_INITIALIZER, FROM_INPUT, FROM_NODE } origin;

typedef struct definition {
    const char *name;
    origin from;
    size_t item;  /* index of the initializer, input or node */
    size_t order; /* place among all definitions, as the file has them */
    int value;    /* in the graph; -1: an input that has an initializer */
} definition;

typedef struct import {
    Onnx__GraphProto *proto;
    tdi_external *external;
    tdi_graph *graph;
    td_error *err;
    definition *definitions; /* sorted by name once all are there */
    size_t definition_count;
    int *node_of;        /* per value: the NodeProto that computes it, -1 */
    int *inputs;         /* of all nodes one after the other: value, -1 left out */
    size_t *first_input; /* per node and one more: where its inputs begin */
    size_t *sorted;      /* nodes in topological order */
    size_t sorted_count;
} import;

static int is_constant(const Onnx__NodeProto *node) {
    return !strcmp(node->op_type, "Constant");
}
static int is_dropout(const Onnx__NodeProto *node) {
    return !strcmp(node->op_type, "Dropout");
}
static int is_given(const char *name) {
    return name && *name;
}

/* The name for messages and for the graph. */
static char *node_name(import *m, const Onnx__NodeProto *node) {
    if (is_given(node->name))
        return node->name;
    tdi_text text = {0};
    tdi_text_append(&text, "%s_%s", node->op_type, node->n_output ? node->output[0] : "");
    char *name = tdi_text_take(&text);
    char *copy = name ? tdi_arena_strdup(&m->graph->arena, name) : NULL;
    tdi_free(name);
    return copy;
}

static const tdi_op *find_op(const Onnx__NodeProto *node) {
    return tdi_op_find(is_dropout(node) ? "Identity" : node->op_type);
}

static td_status check_node(import *m, const Onnx__NodeProto *node) {
    TD_TRY(tdi_onnx_check_name(node->op_type, "an operator", 1, m->err));
    TD_TRY(tdi_onnx_check_name(node->name, "a node", 0, m->err));
    TD_TRY(tdi_onnx_check_name(node->domain, "a domain", 0, m->err));
    for (size_t i = 0; i < node->n_output; i++)
        TD_TRY(tdi_onnx_check_name(node->output[i], "a tensor", 0, m->err));
    const char *name = is_given(node->name) ? node->name : node->n_output ? node->output[0] : "";
    if (is_given(node->domain) && strcmp(node->domain, "ai.onnx") != 0)
        return tdi_fail(
            m->err, TD_UNSUPPORTED,
            "operator \"%.60s\" of domain \"%.60s\" (node \"%.100s\") is not supported: "
            "only ONNX's default domain is",
            node->op_type, node->domain, name);
    if (tdi_op_refused(node->op_type))
        return tdi_fail(m->err, TD_UNSUPPORTED, "operator \"%.60s\" (node \"%.100s\"): %s",
                        node->op_type, name, tdi_op_refused(node->op_type));
    if (!is_constant(node) && !find_op(node))
        return tdi_fail(m->err, TD_UNSUPPORTED,
                        "operator \"%.60s\" (node \"%.100s\") is not supported", node->op_type,
                        name);
    if (node->n_output < 1 || !is_given(node->output[0]))
        return tdi_fail(m->err, TD_FORMAT, "%.60s node \"%.100s\" has no output", node->op_type,
                        name);
    return TD_OK;
}

static td_status check_counts(import *m) {
    const Onnx__GraphProto *g = m->proto;
    if (g->n_node > TDI_ONNX_NODES_MAX)
        return tdi_fail(m->err, TD_LIMIT, "the model has %zu nodes; at most %d are supported",
                        g->n_node, TDI_ONNX_NODES_MAX);
    if (g->n_sparse_initializer)
        return tdi_fail(m->err, TD_UNSUPPORTED, "the model has sparse initializers");
    if (!g->n_input || !g->n_output)
        return tdi_fail(m->err, TD_FORMAT, "the model has no %s", g->n_input ? "output" : "input");
    for (size_t i = 0; i < g->n_node; i++)
        TD_TRY(check_node(m, g->node[i]));
    return TD_OK;
}

static td_status define(import *m, size_t *capacity, const char *name, origin from, size_t item) {
    TD_TRY(tdi_onnx_check_name(name, "a tensor", 1, m->err));
    if (tdi_grow(&m->definitions, capacity, m->definition_count + 1, sizeof *m->definitions))
        return tdi_fail_memory(m->err);
    m->definitions[m->definition_count] = (definition){name, from, item, m->definition_count, -1};
    m->definition_count++;
    return TD_OK;
}

static int by_name(const void *a, const void *b) {
    const definition *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (int)x->from - (int)y->from;
}

static int by_order(const void *a, const void *b) {
    const definition *x = a, *y = b;
    return x->order < y->order ? -1 : x->order > y->order;
}

static int compare_name(const void *name, const void *b) {
    return strcmp(name, ((const definition *)b)->name);
}

static int find(const import *m, const char *name) {
    const definition *d = bsearch(name, m->definitions, m->definition_count, sizeof *m->definitions,
                                  compare_name);
    /* An input with an initializer stands behind it and has no value. */
    if (d && d->value < 0)
        d--;
    return d ? d->value : -1;
}

static td_status collect_definitions(import *m) {
    const Onnx__GraphProto *g = m->proto;
    size_t capacity = 0;
    for (size_t i = 0; i < g->n_input; i++)
        TD_TRY(define(m, &capacity, g->input[i]->name, FROM_INPUT, i));
    for (size_t i = 0; i < g->n_initializer; i++)
        TD_TRY(define(m, &capacity, g->initializer[i]->name, FROM_INITIALIZER, i));
    for (size_t n = 0; n < g->n_node; n++)
        for (size_t i = 0; i < g->node[n]->n_output; i++)
            if (is_given(g->node[n]->output[i]))
                TD_TRY(define(m, &capacity, g->node[n]->output[i], FROM_NODE, n));
    qsort(m->definitions, m->definition_count, sizeof *m->definitions, by_name);
    for (size_t i = 1; i < m->definition_count; i++) {
        definition *d = &m->definitions[i];
        if (strcmp(d->name, d[-1].name) != 0)
            continue;
        if (d[-1].from != FROM_INITIALIZER || d->from != FROM_INPUT)
            return tdi_fail(m->err, TD_FORMAT, "tensor \"%.100s\" is defined more than once",
                            d->name);
        d->order = SIZE_MAX; /* the initializer counts */
    }
    return TD_OK;
}

/* A size that the file leaves open may have a name. */
static td_status read_dim(import *m, const Onnx__TensorShapeProto__Dimension *dim, int64_t *out,
                          const char **name) {
    int has_value = dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
    int has_name = dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM &&
                   is_given(dim->dim_param);
    *out = has_value && dim->dim_value > 0 ? dim->dim_value : TD_DIM_SYMBOLIC;
    *name = NULL;
    if (!has_name)
        return TD_OK;
    TD_TRY(tdi_onnx_check_name(dim->dim_param, "an axis", 1, m->err));
    *name = tdi_arena_strdup(&m->graph->arena, dim->dim_param);
    return *name ? TD_OK : tdi_fail_memory(m->err);
}

static td_status add_input(import *m, const definition *d, int *value) {
    const Onnx__TypeProto *type = m->proto->input[d->item]->type;
    const Onnx__TypeProto__Tensor *tensor = type && type->value_case ==
                                                        ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE
                                                ? type->tensor_type
                                                : NULL;
    if (!tensor || !tensor->shape)
        return tdi_fail(m->err, TD_UNSUPPORTED, "input \"%.100s\" is not a tensor of known shape",
                        d->name);
    td_dtype dtype = (td_dtype)tensor->elem_type;
    if (tensor->elem_type < 1 || tensor->elem_type > TD_DTYPE_BF16 || !td_dtype_bytes(dtype))
        return tdi_fail(m->err, TD_UNSUPPORTED, "input \"%.100s\" has element type %d", d->name,
                        tensor->elem_type);
    if (tensor->shape->n_dim > TD_RANK_MAX)
        return tdi_fail(m->err, TD_LIMIT, "input \"%.100s\" has more than %d axes", d->name,
                        TD_RANK_MAX);
    td_shape shape = tdi_shape_of((int)tensor->shape->n_dim, (int64_t[TD_RANK_MAX]){0});
    const char **axes = tdi_arena_alloc(&m->graph->arena, TD_RANK_MAX * sizeof *axes);
    if (!axes)
        return tdi_fail_memory(m->err);
    for (int i = 0; i < shape.rank; i++)
        TD_TRY(read_dim(m, tensor->shape->dim[i], &shape.dim[i], &axes[i]));
    *value = tdi_graph_add_value(m->graph, d->name, dtype, &shape);
    if (*value < 0)
        return tdi_fail_memory(m->err);
    m->graph->values[*value].axes = axes;
    return TD_OK;
}

static td_status add_constant(import *m, const char *name, tdi_tensor *tensor, int *value) {
    *value = tdi_graph_add_constant(m->graph, name, tensor);
    return *value < 0 ? tdi_fail_memory(m->err) : TD_OK;
}

static td_status add_initializer(import *m, const definition *d, int *value) {
    Onnx__TensorProto *proto = m->proto->initializer[d->item];
    tdi_tensor *tensor = NULL;
    TD_TRY(tdi_onnx_tensor(proto, d->name, m->external, &tensor, m->err));
    return add_constant(m, d->name, tensor, value);
}

static td_status add_value(import *m, definition *d) {
    if (d->from == FROM_INPUT)
        return add_input(m, d, &d->value);
    if (d->from == FROM_INITIALIZER)
        return add_initializer(m, d, &d->value);
    const Onnx__NodeProto *node = m->proto->node[d->item];
    if (is_constant(node) && node->output[0] == d->name) {
        tdi_tensor *tensor = NULL;
        TD_TRY(tdi_onnx_constant(node, d->name, m->external, &tensor, m->err));
        return add_constant(m, d->name, tensor, &d->value);
    }
    d->value = tdi_graph_add_value(m->graph, d->name, TD_DTYPE_NONE, NULL);
    return d->value < 0 ? tdi_fail_memory(m->err) : TD_OK;
}

/* Values in the order of the file; definitions end sorted by name again. */
static td_status add_values(import *m) {
    qsort(m->definitions, m->definition_count, sizeof *m->definitions, by_order);
    for (size_t i = 0; i < m->definition_count; i++)
        if (m->definitions[i].order != SIZE_MAX)
            TD_TRY(add_value(m, &m->definitions[i]));
    qsort(m->definitions, m->definition_count, sizeof *m->definitions, by_name);

    m->node_of = tdi_malloc(((size_t)m->graph->value_count + 1) * sizeof *m->node_of);
    if (!m->node_of)
        return tdi_fail_memory(m->err);
    for (int i = 0; i < m->graph->value_count; i++)
        m->node_of[i] = -1;
    for (size_t i = 0; i < m->definition_count; i++) {
        const definition *d = &m->definitions[i];
        if (d->from == FROM_NODE && !m->graph->values[d->value].data)
            m->node_of[d->value] = (int)d->item;
    }
    return TD_OK;
}

static td_status resolve_inputs(import *m) {
    const Onnx__GraphProto *g = m->proto;
    size_t total = 0;
    for (size_t n = 0; n < g->n_node; n++)
        total += g->node[n]->n_input;
    m->inputs = tdi_malloc((total + 1) * sizeof *m->inputs);
    m->first_input = tdi_malloc((g->n_node + 1) * sizeof *m->first_input);
    if (!m->inputs || !m->first_input)
        return tdi_fail_memory(m->err);
    total = 0;
    for (size_t n = 0; n < g->n_node; n++) {
        const Onnx__NodeProto *node = g->node[n];
        m->first_input[n] = total;
        for (size_t i = 0; i < node->n_input; i++) {
            int value = is_given(node->input[i]) ? find(m, node->input[i]) : -1;
            if (is_given(node->input[i]) && value < 0)
                return tdi_fail(m->err, TD_FORMAT,
                                "%.60s node \"%.100s\" needs tensor \"%.100s\", which nothing "
                                "defines",
                                node->op_type, is_given(node->name) ? node->name : node->output[0],
                                node->input[i]);
            m->inputs[total++] = value;
        }
    }
    m->first_input[g->n_node] = total;
    return TD_OK;
}

/* A node on the way of the depth-first search. */
typedef struct visit {
    size_t node, next; /* the input to be looked at */
} visit;

static td_status fail_cycle(import *m, const visit *stack, size_t depth, size_t node) {
    enum { SHOWN = 4 };
    tdi_text text = {0};
    size_t at = depth;
    while (at > 0 && stack[at - 1].node != node)
        at--;
    for (size_t i = at ? at - 1 : 0, shown = 0; i < depth && shown < SHOWN; i++, shown++)
        tdi_text_append(&text, "\"%.60s\" needs ", m->proto->node[stack[i].node]->output[0]);
    tdi_text_append(&text, "%s\"%.60s\"", depth - (at ? at - 1 : 0) > SHOWN ? "... needs " : "",
                    m->proto->node[node]->output[0]);
    td_status status = tdi_fail(m->err, TD_FORMAT, "the model has a cycle: %s",
                                text.data ? text.data : "");
    tdi_text_fini(&text);
    return status;
}

/*
 * Depth-first from every node in the order of the file, so that a file which is sorted keeps its
 * order.
 */
static td_status sort_nodes(import *m) {
    enum { NEW, OPEN, DONE };
    size_t count = m->proto->n_node;
    uint8_t *state = tdi_calloc(count + 1, 1);
    visit *stack = tdi_malloc((count + 1) * sizeof *stack);
    td_status status = TD_OK;
    m->sorted = tdi_malloc((count + 1) * sizeof *m->sorted);
    if (!state || !stack || !m->sorted) {
        status = tdi_fail_memory(m->err);
        goto end;
    }
    for (size_t root = 0; root < count; root++) {
        size_t depth = 0;
        if (state[root] == NEW) {
            stack[depth++] = (visit){root, m->first_input[root]};
            state[root] = OPEN;
        }
        while (depth > 0) {
            visit *top = &stack[depth - 1];
            if (top->next == m->first_input[top->node + 1]) {
                state[top->node] = DONE;
                m->sorted[m->sorted_count++] = top->node;
                depth--;
                continue;
            }
            int value = m->inputs[top->next++];
            int before = value < 0 ? -1 : m->node_of[value];
            if (before < 0 || state[before] == DONE)
                continue;
            if (state[before] == OPEN) {
                status = fail_cycle(m, stack, depth, (size_t)before);
                goto end;
            }
            stack[depth++] = (visit){(size_t)before, m->first_input[before]};
            state[before] = OPEN;
        }
    }
end:
    tdi_free(state);
    tdi_free(stack);
    return status;
}

static int is_defined(const import *m, int value) {
    const tdi_value *v = &m->graph->values[value];
    return v->producer >= 0 || v->data || m->node_of[value] < 0;
}

/* Dropout does nothing when a network is used; its ratio and seed do not matter. */
static td_status check_dropout(import *m, const Onnx__NodeProto *node, const int *inputs,
                               int input_count, const char *name) {
    const tdi_tensor *training = input_count > 2 && inputs[2] >= 0
                                     ? m->graph->values[inputs[2]].data
                                     : NULL;
    if (input_count > 2 && inputs[2] >= 0 &&
        (!training || training->bytes != 1 || *(const uint8_t *)training->data != 0))
        return tdi_fail(m->err, TD_UNSUPPORTED,
                        "Dropout node \"%.100s\" is in training mode; export the model for "
                        "inference",
                        name);
    if (input_count < 1 || input_count > 3 || inputs[0] < 0 || node->n_output > 2)
        return tdi_fail(m->err, TD_FORMAT, "Dropout node \"%.100s\" is malformed", name);
    return TD_OK;
}

static td_status emit_node(import *m, size_t index) {
    const Onnx__NodeProto *proto = m->proto->node[index];
    const int *inputs = m->inputs + m->first_input[index];
    int input_count = (int)(m->first_input[index + 1] - m->first_input[index]);
    int dropout = is_dropout(proto);
    const char *name = node_name(m, proto);
    if (!name)
        return tdi_fail_memory(m->err);
    for (int i = 0; i < input_count; i++)
        if (inputs[i] >= 0 && !is_defined(m, inputs[i]))
            return tdi_fail(m->err, TD_UNSUPPORTED,
                            "\"%.100s\", which node \"%.100s\" needs, is an output that is not "
                            "supported",
                            m->graph->values[inputs[i]].name, name);
    while (input_count > 0 && inputs[input_count - 1] < 0)
        input_count--;
    if (dropout)
        TD_TRY(check_dropout(m, proto, inputs, input_count, name));

    /* Dropout's mask is left without producer, so that its use is noticed. */
    size_t output_count = dropout ? 1 : proto->n_output;
    while (output_count > 1 && !is_given(proto->output[output_count - 1]))
        output_count--;
    int *outputs = tdi_malloc(output_count * sizeof *outputs);
    if (!outputs)
        return tdi_fail_memory(m->err);
    for (size_t i = 0; i < output_count; i++)
        outputs[i] = is_given(proto->output[i]) ? find(m, proto->output[i]) : -1;
    tdi_node *node = tdi_graph_add_node(m->graph, find_op(proto), name, inputs,
                                        dropout ? 1 : input_count, outputs, (int)output_count);
    tdi_free(outputs);
    if (!node)
        return tdi_fail_memory(m->err);
    return dropout ? TD_OK : tdi_onnx_attributes(proto, m->graph, node, m->err);
}

static td_status emit_nodes(import *m) {
    for (size_t i = 0; i < m->sorted_count; i++)
        if (!is_constant(m->proto->node[m->sorted[i]]))
            TD_TRY(emit_node(m, m->sorted[i]));
    return TD_OK;
}

static td_status set_ends(import *m) {
    const Onnx__GraphProto *g = m->proto;
    tdi_graph *graph = m->graph;
    size_t count = 0, most = g->n_input > g->n_output ? g->n_input : g->n_output;
    int *values = tdi_malloc((most + 1) * sizeof *values);
    uint8_t *seen = tdi_calloc((size_t)graph->value_count + 1, 1);
    td_status status = values && seen ? TD_OK : tdi_fail_memory(m->err);
    for (size_t i = 0; status == TD_OK && i < g->n_input; i++) {
        int value = find(m, g->input[i]->name);
        if (!graph->values[value].data)
            values[count++] = value;
    }
    if (status == TD_OK && tdi_graph_set_inputs(graph, values, (int)count))
        status = tdi_fail_memory(m->err);
    for (size_t i = 0; status == TD_OK && i < g->n_output; i++) {
        const char *name = is_given(g->output[i]->name) ? g->output[i]->name : "";
        int value = find(m, name);
        if (value < 0)
            status = tdi_fail(m->err, TD_FORMAT, "output \"%.100s\" is computed by nothing", name);
        else if (!is_defined(m, value))
            status = tdi_fail(m->err, TD_UNSUPPORTED,
                              "output \"%.100s\" is an optional one that is not supported", name);
        else if (seen[value]++)
            status = tdi_fail(m->err, TD_FORMAT, "output \"%.100s\" is listed twice", name);
        values[i] = value;
    }
    if (status == TD_OK && tdi_graph_set_outputs(graph, values, (int)g->n_output))
        status = tdi_fail_memory(m->err);
    tdi_free(values);
    tdi_free(seen);
    return status;
}

td_status tdi_onnx_import(Onnx__GraphProto *proto, int64_t opset, int64_t ir_version,
                          tdi_external *external, tdi_graph **out, td_error *err) {
import m = {.proto = proto, .external = external, .err = err };
    td_status status = tdi_onnx_check_name(proto->name, "a graph", 0, err);
    if (status != TD_OK)
        return status;
    m.graph = tdi_graph_new(proto->name ? proto->name : "", opset, ir_version);
    if (!m.graph)
        return tdi_fail_memory(err);
    if ((status = check_counts(&m)) == TD_OK && (status = collect_definitions(&m)) == TD_OK &&
        (status = add_values(&m)) == TD_OK && (status = resolve_inputs(&m)) == TD_OK &&
        (status = sort_nodes(&m)) == TD_OK && (status = emit_nodes(&m)) == TD_OK)
        status = set_ends(&m);
    tdi_free(m.definitions);
    tdi_free(m.node_of);
    tdi_free(m.inputs);
    tdi_free(m.first_input);
    tdi_free(m.sorted);
    if (status == TD_OK)
        *out = m.graph;
    else
        tdi_graph_free(m.graph);
    return status;
}
