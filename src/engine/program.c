/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making and freeing programs: the order of the passes, and nothing of what they do.
 */
#include "engine/program.h"

#include "base/large.h"
#include "base/memory.h"
#include "engine/choose.h"
#include "engine/gelu.h"
#include "engine/packs.h"

tdi_compile tdi_program_compile(tdi_program *program, const tdi_backend *backend) {
    tdi_compile compile = {.state = program->states[tdi_backend_index(backend)],
                           .graph = program->graph,
                           .arena = &program->arena,
                           .packs = program->packs,
                           .quants = program->quants};
    return compile;
}

static void program_free(tdi_program *program) {
    for (size_t i = 0; i < program->action_count; i++) {
        tdi_kernel *kernel = program->actions[i].kernel;
        tdi_compile compile = tdi_program_compile(program, kernel->backend);
        kernel->backend->release(&compile, kernel);
    }
    for (int i = 0; i < program->opened; i++)
        tdi_backend_at(i)->close(program->states[i]);
    for (size_t i = 0; i < program->storage_count; i++)
        if (program->constants[i]) {
            tdi_tensor_unpin(program->constants[i]);
            tdi_tensor_unref(program->constants[i]);
        }
    tdi_free(program->slots);
    tdi_free(program->spans);
    tdi_free(program->constants);
    tdi_free(program->actions);
    tdi_plan_fini(&program->plan);
    tdi_graph_free(program->graph);
    tdi_packs_unref(program->packs);
    tdi_arena_free(&program->arena);
    tdi_free(program);
}

static td_status open_backends(tdi_program *program, int threads, td_error *err) {
    for (; program->opened < TDI_BACKEND_COUNT; program->opened++)
        TD_TRY(
            tdi_backend_at(program->opened)->open(threads, &program->states[program->opened], err));
    return TD_OK;
}

/* The engine's own copy of the graph, for the batch. */
static td_status bind_batch(const tdi_graph *graph, int64_t batch, tdi_graph **out, td_error *err) {
    td_status status = tdi_graph_copy(graph, out, err);
    if (status == TD_OK && batch != graph->batch)
        status = tdi_graph_infer(*out, batch, err);
    return status;
}

/* What the kernels need of the constants they have by now: packed, or as storages. */
static void drop_constants(tdi_graph *graph) {
    for (int i = 0; i < graph->value_count; i++) {
        tdi_tensor_unref(graph->values[i].data);
        graph->values[i].data = NULL;
    }
}

static void count_bytes(tdi_program *program) {
    for (size_t i = 0; i < program->storage_count; i++)
        if (program->constants[i])
            program->weights_bytes += program->constants[i]->bytes;
    for (size_t i = 0; i < program->action_count; i++) {
        const tdi_kernel *kernel = program->actions[i].kernel;
        program->weights_bytes += kernel->weights_bytes;
        if (kernel->scratch_bytes > program->scratch_bytes)
            program->scratch_bytes = kernel->scratch_bytes;
    }
}

static td_status compile(tdi_program *program, const tdi_graph *graph,
                         const tdi_program_settings *settings, td_error *err) {
    TD_TRY(tdi_engine_check(graph, err));
    TD_TRY(bind_batch(graph, settings->batch, &program->graph, err));
    TD_TRY(tdi_constants_evaluate(program->graph, err));
    TD_TRY(tdi_gelu_find(program->graph, err));
    td_precision precision = tdi_engine_computes(settings->precision) ? settings->precision
                                                                      : TD_PRECISION_F32;
    TD_TRY(tdi_plan_init(&program->plan, program->graph, precision == TD_PRECISION_F32, err));
    TD_TRY(tdi_precision_assign(program->graph, &program->plan, &program->arena, precision,
                                settings->ranges, &program->quants, err));
    TD_TRY(open_backends(program, settings->threads, err));
    if (settings->timings)
        TD_TRY(tdi_choose(program, settings->timings, err));
    TD_TRY(tdi_program_assemble(program, err));
    TD_TRY(tdi_memory_plan(program->spans, program->storage_count, &program->arena_bytes, err));
    count_bytes(program);
    drop_constants(program->graph);
    return TD_OK;
}

td_status tdi_program_new(const tdi_graph *graph, const tdi_program_settings *settings,
                          tdi_program **out, td_error *err) {
    tdi_program_settings defaults = {.batch = 1, .threads = 1};
    const tdi_program_settings *s = settings ? settings : &defaults;
    if (s->batch < 1 || s->threads < 1)
        return tdi_fail(err, TD_ARGUMENT, "a program needs a batch and threads of at least 1");
    tdi_program *program = tdi_calloc(1, sizeof *program);
    if (!program)
        return tdi_fail_memory(err);
    atomic_init(&program->references, 1);
    program->threads = s->threads;
    program->packs = s->packs ? tdi_packs_ref(s->packs) : tdi_packs_new();
    td_status status = program->packs ? compile(program, graph, s, err) : tdi_fail_memory(err);
    if (program->packs)
        tdi_packs_trim(program->packs);
    if (status == TD_OK)
        *out = program;
    else
        program_free(program);
    tdi_large_trim();
    return status;
}

tdi_program *tdi_program_ref(tdi_program *program) {
    tdi_refcount_take(&program->references);
    return program;
}

void tdi_program_unref(tdi_program *program) {
    if (program && tdi_refcount_drop(&program->references) == 0)
        program_free(program);
}

int tdi_engine_computes(td_precision precision) {
    for (int i = 0; i < TDI_BACKEND_COUNT; i++)
        if (tdi_backend_at(i)->computes && tdi_backend_at(i)->computes(precision))
            return 1;
    return precision == TD_PRECISION_F32;
}

tdi_footprint tdi_program_footprint(const tdi_program *program) {
    tdi_footprint footprint = {program->weights_bytes, program->arena_bytes,
                               program->scratch_bytes};
    return footprint;
}
