/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operators of constants alone, as the Cast behind float16 weights: computed once, by the plain
 * kernels, when a program is made.
 */
#include <string.h>

#include "base/memory.h"
#include "engine/ops/ops.h"
#include "engine/program.h"

static td_status run(const tdi_compile *compile, const tdi_step *step, void *const *inputs,
                     void *output, td_error *err) {
    const tdi_backend *backend = &tdi_ops_backend;
    tdi_memory memory = {inputs, output, NULL};
    tdi_kernel *kernel = NULL;
    tdi_bound *bound = NULL;
    TD_TRY(backend->prepare(compile, step, NULL, &kernel, err));
    memory.scratch = tdi_malloc_aligned(kernel->scratch_bytes + TDI_ALIGNMENT);
    td_status status = memory.scratch ? backend->bind(compile, kernel, &memory, &bound, err)
                                      : tdi_fail_memory(err);
    if (status == TD_OK)
        status = backend->execute(bound, err);
    backend->unbind(bound);
    backend->release(compile, kernel);
    tdi_free_aligned(memory.scratch);
    return status;
}

static td_status evaluate(tdi_graph *graph, const tdi_node *node, int index, td_error *err) {
    tdi_arena arena = {NULL};
    const tdi_compile compile = {.graph = graph, .arena = &arena};
    const tdi_step step = {.kind = TDI_STEP_NODE,
                           .backend = &tdi_ops_backend,
                           .node = node,
                           .input_count = node->input_count,
                           .inputs = node->inputs,
                           .output = node->outputs[index],
                           .output_index = index};
    tdi_value *result = &graph->values[node->outputs[index]];
    td_status status = TD_OK;
    int pinned = 0; /* inputs */
    void **inputs = tdi_arena_alloc(&arena, ((size_t)node->input_count + 1) * sizeof *inputs);
    tdi_tensor *tensor = tdi_tensor_new(result->dtype, &result->shape);
    if (!inputs || !tensor) {
        status = tdi_fail_memory(err);
        goto done;
    }
    for (; pinned < node->input_count; pinned++)
        if (node->inputs[pinned] >= 0) {
            tdi_tensor *input = graph->values[node->inputs[pinned]].data;
            status = tdi_tensor_pin(input, err);
            if (status != TD_OK)
                goto done;
            inputs[pinned] = input->data;
        }
    if (tdi_type_is_view(node->op->type))
        memcpy(tensor->data, inputs[0], tensor->bytes);
    else
        status = run(&compile, &step, inputs, tensor->data, err);
    if (status != TD_OK)
        goto done;
    result->data = tensor;
    tensor = NULL;
done:
    while (pinned-- > 0)
        if (node->inputs[pinned] >= 0)
            tdi_tensor_unpin(graph->values[node->inputs[pinned]].data);
    tdi_tensor_unref(tensor);
    tdi_arena_free(&arena);
    return status;
}

td_status tdi_constants_evaluate(tdi_graph *graph, td_error *err) {
    for (int n = 0; n < graph->node_count; n++) {
        const tdi_node *node = &graph->nodes[n];
        for (int i = 0; i < node->output_count; i++) {
            if (node->outputs[i] < 0)
                continue;
            const tdi_value *result = &graph->values[node->outputs[i]];
            if (!result->depends_on_input && !result->data)
                TD_TRY(evaluate(graph, node, i, err));
        }
    }
    return TD_OK;
}
