/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/native/backend.h"

#include <string.h>

#include "base/memory.h"
#include "engine/team.h"

typedef struct bound_kernel {
    tdi_bound base;
    const tdi_native_kernel *kernel;
    tdi_memory memory;
    int phase;
    void *inputs[];
} bound_kernel;

/* In the order of their numbers as variants. */
static td_status winograd4(const tdi_compile *compile, const tdi_step *step, tdi_kernel **out,
                           td_error *err) {
    return tdi_native_winograd(compile, step, 4, out, err);
}

static td_status winograd2(const tdi_compile *compile, const tdi_step *step, tdi_kernel **out,
                           td_error *err) {
    return tdi_native_winograd(compile, step, 2, out, err);
}

typedef td_status make_fn(const tdi_compile *compile, const tdi_step *step, tdi_kernel **out,
                          td_error *err);
static make_fn *const kinds[] = {winograd4, winograd2, tdi_native_pointwise, tdi_native_chain};

static const char *version(void) {
    return "native 6";
}

static int implements(const char *type) {
    return strcmp(type, "Conv") == 0;
}

static int supports(const tdi_graph *graph, const tdi_node *node, tdi_step_kind kind) {
    const tdi_value *in = &graph->values[node->inputs[0]];
    if (kind == TDI_STEP_CHAIN)
        return 1; /* there are none but those that it has asked for */
    return kind == TDI_STEP_CONV && in->dtype == TD_DTYPE_F32 && in->shape.rank == 4;
}

static int variants(const tdi_graph *graph, const tdi_step *step) {
    (void)graph;
    return step->kind == TDI_STEP_CHAIN ? 1 : (int)(sizeof kinds / sizeof kinds[0]);
}

static td_status open_state(int threads, void **out, td_error *err) {
    tdi_native_state *state = tdi_calloc(1, sizeof *state);
    if (!state)
        return tdi_fail_memory(err);
    state->threads = threads;
    *out = state;
    return TD_OK;
}

static void close_state(void *state) {
    tdi_free(state);
}

static td_status prepare(const tdi_compile *compile, const tdi_step *step,
                         const tdi_format *at_hand, tdi_kernel **out, td_error *err) {
    (void)at_hand;
    if (step->kind == TDI_STEP_CHAIN)
        return tdi_native_chain(compile, step, out, err);
    return kinds[step->variant](compile, step, out, err);
}

td_status tdi_native_kernel_new(const tdi_compile *compile, const tdi_step *step,
                                const char *implementation, size_t layer_bytes, void **layer,
                                tdi_native_kernel **out, td_error *err) {
    const tdi_native_state *state = compile->state;
    size_t inputs = (size_t)step->input_count + 1;
    tdi_native_kernel *kernel = tdi_arena_alloc(compile->arena, sizeof *kernel);
    tdi_format *formats = tdi_arena_alloc(compile->arena, inputs * sizeof *formats);
    *layer = tdi_arena_alloc(compile->arena, layer_bytes);
    if (!kernel || !formats || !*layer)
        return tdi_fail_memory(err);
    kernel->base.backend = &tdi_native_backend;
    kernel->base.implementation = implementation;
    kernel->base.inputs = kernel->formats = formats;
    kernel->base.overwrites = kernel->base.may_overwrite = -1;
    kernel->layer = *layer;
    kernel->threads = step->alone ? 1 : state->threads;
    if (kernel->threads > TDI_TEAM_MAX)
        kernel->threads = TDI_TEAM_MAX;
    kernel->phases = 1;
    kernel->input_count = step->input_count;
    *out = kernel;
    return TD_OK;
}

void tdi_native_release(const tdi_compile *compile, tdi_kernel *base) {
    tdi_native_kernel *kernel = (tdi_native_kernel *)base;
    for (int i = 0; kernel && i < kernel->pack_count; i++)
        tdi_packs_put(compile->packs, kernel->packs[i]);
}

static td_status bind(const tdi_compile *compile, const tdi_kernel *base, const tdi_memory *memory,
                      tdi_bound **out, td_error *err) {
    const tdi_native_kernel *kernel = (const tdi_native_kernel *)base;
    enum { INPUTS = 2 }; /* the tensor and an addend */
    bound_kernel *bound = tdi_calloc(1, sizeof *bound + INPUTS * sizeof bound->inputs[0]);
    (void)compile;
    if (!bound)
        return tdi_fail_memory(err);
    bound->base.backend = &tdi_native_backend;
    bound->kernel = kernel;
    bound->memory = *memory;
    bound->memory.inputs = bound->inputs;
    for (int i = 0; i < kernel->input_count; i++)
        bound->inputs[i] = memory->inputs[i];
    *out = &bound->base;
    return TD_OK;
}

static void unbind(tdi_bound *bound) {
    tdi_free(bound);
}

static void work(void *user, int part, int parts) {
    const bound_kernel *bound = user;
    bound->kernel->work(bound->kernel, &bound->memory, bound->phase, part, parts);
}

static td_status execute(tdi_bound *base, td_error *err) {
    bound_kernel *bound = (bound_kernel *)base;
    (void)err;
    for (bound->phase = 0; bound->phase < bound->kernel->phases; bound->phase++)
        tdi_team_run(bound->kernel->threads, work, bound);
    return TD_OK;
}

const tdi_backend tdi_native_backend = {
    .name = "native",
    .version = version,
    .implements = implements,
    .supports = supports,
    .chains = tdi_native_chains,
    .variants = variants,
    .open = open_state,
    .close = close_state,
    .prepare = prepare,
    .release = tdi_native_release,
    .bind = bind,
    .unbind = unbind,
    .execute = execute,
};
