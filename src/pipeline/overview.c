/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be told about a model at a glance: its inputs, outputs, operators, sizes and labels.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/op.h"
#include "pipeline/model.h"

/* Names of classes without a label are kept ready up to this many; beyond it a class is called "?".
 */
#define CLASSES_MAX      (1 << 20)
#define CLASS_NAME_BYTES 12

struct tdi_overview {
    td_operator_info *operators;
    size_t operator_count;
    char (*class_names)[CLASS_NAME_BYTES];
    size_t class_count;
    int64_t macs, parameters;
};

static int compare_types(const void *a, const void *b) {
    return strcmp(((const td_operator_info *)a)->type, ((const td_operator_info *)b)->type);
}

static void count_operators(tdi_overview *overview, const tdi_graph *graph) {
    for (int i = 0; i < graph->node_count; i++) {
        const tdi_node *node = &graph->nodes[i];
        size_t at = 0;
        while (at < overview->operator_count &&
               strcmp(overview->operators[at].type, node->op->type) != 0)
            at++;
        td_operator_info *info = &overview->operators[at];
        if (at == overview->operator_count) {
            info->type = node->op->type;
            overview->operator_count++;
        }
        info->nodes++;
        info->macs += node->macs;
    }
    qsort(overview->operators, overview->operator_count, sizeof *overview->operators,
          compare_types);
}

td_status tdi_overview_new(const td_model *model, tdi_overview **out, td_error *err) {
    const tdi_graph *graph = model->graph;
    int64_t classes = td_shape_elements(&graph->values[graph->outputs[0]].shape);
    tdi_overview *overview = tdi_calloc(1, sizeof *overview);
    if (!overview)
        return tdi_fail_memory(err);
    if (classes > 0 && classes <= CLASSES_MAX)
        overview->class_count = (size_t)classes;
    /* There are at most as many types as nodes, and as many as the table of operators has. */
    size_t types = (size_t)graph->node_count < tdi_op_count() ? (size_t)graph->node_count
                                                              : tdi_op_count();
    overview->operators = tdi_calloc(types + 1, sizeof *overview->operators);
    overview->class_names = tdi_calloc(overview->class_count + 1, sizeof *overview->class_names);
    if (!overview->operators || !overview->class_names) {
        tdi_overview_free(overview);
        return tdi_fail_memory(err);
    }
    count_operators(overview, graph);
    for (size_t i = 0; i < overview->class_count; i++)
        snprintf(overview->class_names[i], CLASS_NAME_BYTES, "%u", (unsigned)i);
    overview->macs = tdi_graph_macs(graph);
    overview->parameters = tdi_graph_parameters(graph);
    *out = overview;
    return TD_OK;
}

void tdi_overview_free(tdi_overview *overview) {
    if (!overview)
        return;
    tdi_free(overview->operators);
    tdi_free(overview->class_names);
    tdi_free(overview);
}

td_tensor_info tdi_model_tensor(const td_model *model, int value) {
    const tdi_value *v = &model->graph->values[value];
    td_tensor_info info = {v->name, v->dtype, v->shape};
    if (v->batched)
        info.shape.dim[0] = TD_DIM_SYMBOLIC;
    return info;
}

const char *td_model_name(const td_model *model) {
    return model->name;
}
size_t td_model_input_count(const td_model *model) {
    return (size_t)model->graph->input_count;
}
size_t td_model_output_count(const td_model *model) {
    return (size_t)model->graph->output_count;
}

td_status td_model_input(const td_model *model, size_t index, td_tensor_info *out) {
    if (index >= td_model_input_count(model))
        return TD_ARGUMENT;
    *out = tdi_model_tensor(model, model->graph->inputs[index]);
    return TD_OK;
}

td_status td_model_output(const td_model *model, size_t index, td_tensor_info *out) {
    if (index >= td_model_output_count(model))
        return TD_ARGUMENT;
    *out = tdi_model_tensor(model, model->graph->outputs[index]);
    return TD_OK;
}

size_t td_model_operator_count(const td_model *model) {
    return model->overview->operator_count;
}

td_status td_model_operator(const td_model *model, size_t index, td_operator_info *out) {
    if (index >= model->overview->operator_count)
        return TD_ARGUMENT;
    *out = model->overview->operators[index];
    return TD_OK;
}

int64_t td_model_macs(const td_model *model) {
    return model->overview->macs;
}
int64_t td_model_parameters(const td_model *model) {
    return model->overview->parameters;
}
td_output_kind td_model_output_kind(const td_model *model) {
    return model->output_kind;
}
const td_recipe *td_model_recipe(const td_model *model) {
    return &model->recipe;
}

td_status td_model_dot(const td_model *model, char **out, td_error *err) {
    return tdi_graph_dot(model->graph, out, err);
}

td_label td_model_label(const td_model *model, int32_t index) {
    const tdi_overview *overview = model->overview;
    td_label label = {"", "?", ""};
    if (index < 0)
        return label;
    if (model->labels && (size_t)index < tdi_labels_count(model->labels)) {
        label.id = tdi_labels_id(model->labels, (size_t)index);
        label.name = tdi_labels_name(model->labels, (size_t)index);
        label.description = tdi_labels_description(model->labels, (size_t)index);
    } else if ((size_t)index < overview->class_count) {
        label.name = overview->class_names[index];
    }
    return label;
}
