/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plain operators as a backend.
 */
#include <string.h>

#include "base/memory.h"
#include "engine/ops/ops.h"

typedef struct ops_kernel {
    tdi_kernel base;
    const tdi_ops_entry *entry;
    tdi_ops_call call; /* without memory */
} ops_kernel;

typedef struct bound_kernel {
    tdi_bound base;
    const tdi_ops_entry *entry;
    tdi_ops_call call;
    tdi_operand inputs[];
} bound_kernel;

static const tdi_ops_entry entries[] = {
#define ENTRY(type, supports, prepare, run) {type, supports, prepare, run, NULL},
#define SCRATCH_ENTRY(type, supports, prepare, run, scratch)                                       \
    {type, supports, prepare, run, scratch},
    TDI_OPS_MAP(ENTRY) TDI_OPS_SCRATCH_MAP(SCRATCH_ENTRY)
#undef SCRATCH_ENTRY
#undef ENTRY
};

#define ENTRY_COUNT (sizeof entries / sizeof entries[0])

static const tdi_ops_entry *find(const tdi_graph *graph, const tdi_node *node) {
    for (size_t i = 0; i < ENTRY_COUNT; i++)
        if (strcmp(entries[i].type, node->op->type) == 0 && entries[i].supports(graph, node))
            return &entries[i];
    return tdi_eval_find(graph, node);
}

int tdi_ops_all_f32(const tdi_graph *graph, const tdi_node *node) {
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] >= 0 && graph->values[node->inputs[i]].dtype != TD_DTYPE_F32)
            return 0;
    return 1;
}

static const char *version(void) {
    return "";
}

static int implements(const char *type) {
    for (size_t i = 0; i < ENTRY_COUNT; i++)
        if (strcmp(entries[i].type, type) == 0)
            return 1;
    return tdi_eval_implements(type);
}

static int supports(const tdi_graph *graph, const tdi_node *node, tdi_step_kind kind) {
    return kind == TDI_STEP_NODE && find(graph, node) != NULL;
}

static td_status open_state(int threads, void **state, td_error *err) {
    (void)threads, (void)err;
    *state = NULL;
    return TD_OK;
}

static void close_state(void *state) {
    (void)state;
}

static tdi_operand operand_of(const tdi_graph *graph, int value) {
    tdi_operand operand = {TD_DTYPE_NONE, NULL, NULL};
    if (value >= 0) {
        operand.dtype = graph->values[value].dtype;
        operand.shape = &graph->values[value].shape;
    }
    return operand;
}

static td_status prepare(const tdi_compile *compile, const tdi_step *step,
                         const tdi_format *at_hand, tdi_kernel **out, td_error *err) {
    const tdi_graph *graph = compile->graph;
    size_t count = (size_t)step->input_count;
    ops_kernel *kernel = tdi_arena_alloc(compile->arena, sizeof *kernel);
    tdi_operand *operands = tdi_arena_alloc(compile->arena, (count + 1) * sizeof *operands);
    tdi_format *formats = tdi_arena_alloc(compile->arena, (count + 1) * sizeof *formats);
    (void)at_hand;
    if (!kernel || !operands || !formats)
        return tdi_fail_memory(err);
    for (size_t i = 0; i < count; i++) {
        operands[i] = operand_of(graph, step->inputs[i]);
        if (operands[i].shape)
            formats[i] = tdi_format_dense(operands[i].dtype, operands[i].shape);
    }
    kernel->entry = find(graph, step->node);
    kernel->call.input_count = step->input_count;
    kernel->call.inputs = operands;
    kernel->call.output_index = step->output_index;
    kernel->call.output = operand_of(graph, step->output);
    kernel->base.backend = &tdi_ops_backend;
    kernel->base.implementation = "plain";
    kernel->base.inputs = formats;
    kernel->base.output = tdi_format_dense(kernel->call.output.dtype, kernel->call.output.shape);
    kernel->base.overwrites = kernel->base.may_overwrite = -1;
    *out = &kernel->base;
    TD_TRY(kernel->entry->prepare(graph, step->node, compile->arena, &kernel->call.args, err));
    if (kernel->entry->scratch)
        kernel->base.scratch_bytes = kernel->entry->scratch(kernel->call.args);
    return TD_OK;
}

static td_status bind(const tdi_compile *compile, const tdi_kernel *base, const tdi_memory *memory,
                      tdi_bound **out, td_error *err) {
    const ops_kernel *kernel = (const ops_kernel *)base;
    size_t count = (size_t)kernel->call.input_count;
    bound_kernel *bound = tdi_calloc(1, sizeof *bound + count * sizeof bound->inputs[0]);
    (void)compile;
    if (!bound)
        return tdi_fail_memory(err);
    bound->base.backend = &tdi_ops_backend;
    bound->entry = kernel->entry;
    bound->call = kernel->call;
    bound->call.inputs = bound->inputs;
    bound->call.output.data = memory->output;
    bound->call.scratch = memory->scratch;
    for (size_t i = 0; i < count; i++) {
        bound->inputs[i] = kernel->call.inputs[i];
        bound->inputs[i].data = memory->inputs[i];
    }
    *out = &bound->base;
    return TD_OK;
}

static void unbind(tdi_bound *bound) {
    tdi_free(bound);
}

static void release(const tdi_compile *compile, tdi_kernel *kernel) {
    (void)compile, (void)kernel;
}

static td_status execute(tdi_bound *base, td_error *err) {
    const bound_kernel *bound = (const bound_kernel *)base;
    (void)err;
    bound->entry->run(&bound->call);
    return TD_OK;
}

const tdi_backend tdi_ops_backend = {
    .name = "plain",
    .version = version,
    .implements = implements,
    .supports = supports,
    .open = open_state,
    .close = close_state,
    .prepare = prepare,
    .release = release,
    .bind = bind,
    .unbind = unbind,
    .execute = execute,
};
