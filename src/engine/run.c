/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs: one thread's memory, and the program's kernels tied to it.
 */
#include "base/clock.h"
#include "base/memory.h"
#include "engine/program.h"

struct tdi_run {
    tdi_program *program;
    char *arena;
    void *scratch;
    tdi_bound **bounds; /* per action */
    size_t bound_count;
};

static void *slot_data(const tdi_run *run, int slot) {
    const tdi_program *p = run->program;
    if (slot < 0)
        return NULL;
    int storage = p->slots[slot].storage;
    if (p->constants[storage])
        return p->constants[storage]->data;
    return run->arena + p->spans[storage].offset;
}

static td_status bind_action(tdi_run *run, const tdi_action *action, td_error *err) {
    const tdi_backend *backend = action->kernel->backend;
    tdi_compile compile = tdi_program_compile(run->program, backend);
    void **inputs = tdi_calloc((size_t)action->input_count + 1, sizeof *inputs);
    if (!inputs)
        return tdi_fail_memory(err);
    for (int i = 0; i < action->input_count; i++)
        inputs[i] = slot_data(run, action->inputs[i]);
    tdi_memory memory = {inputs, slot_data(run, action->output), run->scratch};
    td_status status = backend->bind(&compile, action->kernel, &memory,
                                     &run->bounds[run->bound_count], err);
    if (status == TD_OK)
        run->bound_count++;
    tdi_free(inputs);
    return status;
}

td_status tdi_run_new(tdi_program *program, tdi_run **out, td_error *err) {
    td_status status = TD_OK;
    tdi_run *run = tdi_calloc(1, sizeof *run);
    if (!run)
        return tdi_fail_memory(err);
    run->program = tdi_program_ref(program);
    run->bounds = tdi_calloc(program->action_count + 1, sizeof(tdi_bound *));
    run->arena = tdi_malloc_aligned(program->arena_bytes + TDI_ALIGNMENT);
    run->scratch = tdi_malloc_aligned(program->scratch_bytes + TDI_ALIGNMENT);
    if (!run->bounds || !run->arena || !run->scratch)
        status = tdi_fail_memory(err);
    for (size_t i = 0; i < program->action_count && status == TD_OK; i++)
        status = bind_action(run, &program->actions[i], err);
    if (status == TD_OK)
        *out = run;
    else
        tdi_run_free(run);
    return status;
}

void tdi_run_free(tdi_run *run) {
    if (!run)
        return;
    for (size_t i = 0; i < run->bound_count; i++)
        run->bounds[i]->backend->unbind(run->bounds[i]);
    tdi_free(run->bounds);
    tdi_free_aligned(run->arena);
    tdi_free_aligned(run->scratch);
    tdi_program_unref(run->program);
    tdi_free(run);
}

void *tdi_run_input(tdi_run *run, int index) {
    return slot_data(run, run->program->inputs[index]);
}

size_t tdi_run_input_bytes(const tdi_run *run, int index) {
    return run->program->slots[run->program->inputs[index]].format.bytes;
}

td_status tdi_run_execute(tdi_run *run, td_error *err) {
    for (size_t i = 0; i < run->bound_count; i++)
        TD_TRY(run->bounds[i]->backend->execute(run->bounds[i], err));
    return TD_OK;
}

td_status tdi_run_profile(tdi_run *run, td_duration *durations, td_error *err) {
    td_time begin = tdi_now();
    for (size_t i = 0; i < run->bound_count; i++) {
        TD_TRY(run->bounds[i]->backend->execute(run->bounds[i], err));
        td_time end = tdi_now();
        durations[i] = end - begin;
        begin = end;
    }
    return TD_OK;
}

const void *tdi_run_output(const tdi_run *run, int index) {
    return slot_data(run, run->program->outputs[index]);
}

size_t tdi_run_output_bytes(const tdi_run *run, int index) {
    return run->program->slots[run->program->outputs[index]].format.bytes;
}
