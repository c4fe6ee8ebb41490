/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of plain operators, and running one on constants.
 */
#include "graph/eval/eval.h"

#include <string.h>

static const tdi_ops_entry entries[] = {
#define ENTRY(type, supports, prepare, run) {type, supports, prepare, run, NULL},
    TDI_EVAL_MAP(ENTRY)
#undef ENTRY
};

static const tdi_ops_entry *find(const char *type) {
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++)
        if (strcmp(entries[i].type, type) == 0)
            return &entries[i];
    return NULL;
}

int tdi_eval_implements(const char *type) {
    return find(type) != NULL;
}

const tdi_ops_entry *tdi_eval_find(const tdi_graph *graph, const tdi_node *node) {
    const tdi_ops_entry *entry = find(node->op->type);
    return entry && entry->supports(graph, node) ? entry : NULL;
}

int tdi_type_is_view(const char *type) {
    static const char *const views[] = {"Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"};
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++)
        if (strcmp(views[i], type) == 0)
            return 1;
    return 0;
}

int tdi_eval_any(const tdi_graph *graph, const tdi_node *node) {
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] >= 0 && !td_dtype_bytes(graph->values[node->inputs[i]].dtype))
            return 0;
    return 1;
}

int tdi_eval_numbers(const tdi_graph *graph, const tdi_node *node) {
    return tdi_eval_any(graph, node) && graph->values[node->inputs[0]].dtype != TD_DTYPE_BOOL;
}

td_status tdi_eval_prepare_nothing(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                                   const void **args, td_error *err) {
    (void)graph, (void)node, (void)arena, (void)err;
    *args = NULL;
    return TD_OK;
}

static td_status pin_inputs(const tdi_graph *graph, const tdi_node *node, int *pinned,
                            td_error *err) {
    for (; *pinned < node->input_count; ++*pinned) {
        const tdi_value *value = tdi_node_input(graph, node, *pinned);
        if (value && value->data)
            TD_TRY(tdi_tensor_pin(value->data, err));
    }
    return TD_OK;
}

static void unpin_inputs(const tdi_graph *graph, const tdi_node *node, int pinned) {
    for (int i = 0; i < pinned; i++) {
        const tdi_value *value = tdi_node_input(graph, node, i);
        if (value && value->data)
            tdi_tensor_unpin(value->data);
    }
}

static td_status run(const tdi_graph *graph, const tdi_node *node, const tdi_ops_entry *entry,
                     int index, tdi_tensor *out, tdi_arena *arena, td_error *err) {
    tdi_operand *inputs = tdi_arena_alloc(arena, ((size_t)node->input_count + 1) * sizeof *inputs);
    tdi_ops_call call = {.input_count = node->input_count,
                         .inputs = inputs,
                         .output_index = index,
                         .output = {out->dtype, &out->shape, out->data}};
    if (!inputs)
        return tdi_fail_memory(err);
    for (int i = 0; i < node->input_count; i++) {
        const tdi_value *value = tdi_node_input(graph, node, i);
        if (value)
            inputs[i] = (tdi_operand){value->dtype, &value->shape,
                                      value->data ? value->data->data : NULL};
    }
    if (!entry) {
        memcpy(out->data, inputs[0].data, out->bytes);
        return TD_OK;
    }
    TD_TRY(entry->prepare(graph, node, arena, &call.args, err));
    entry->run(&call);
    return TD_OK;
}

td_status tdi_eval_node(const tdi_graph *graph, const tdi_node *node, int index, tdi_tensor **out,
                        td_error *err) {
    const tdi_value *result = tdi_node_output(graph, node, index);
    const tdi_ops_entry *entry = tdi_eval_find(graph, node);
    tdi_arena arena = {NULL};
    *out = NULL;
    if (!entry && !tdi_type_is_view(node->op->type))
        return TD_OK;
    tdi_tensor *tensor = tdi_tensor_new(result->dtype, &result->shape);
    int pinned = 0;
    td_status status = tensor ? pin_inputs(graph, node, &pinned, err) : tdi_fail_memory(err);
    if (status == TD_OK)
        status = run(graph, node, entry, index, tensor, &arena, err);
    unpin_inputs(graph, node, pinned);
    tdi_arena_free(&arena);
    if (status == TD_OK)
        *out = tensor;
    else
        tdi_tensor_unref(tensor);
    return status;
}
