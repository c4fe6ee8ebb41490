/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the plan to actions. Goes through the steps in order, lets the backend make each one's
 * kernel, inserts conversions where a value is not there in the format that the kernel wants, and
 * decides which results take over the memory of an operand.
 */
#include <string.h>

#include "base/memory.h"
#include "engine/program.h"

typedef struct assembler {
    tdi_program *program;
    int *left;   /* per value: uses by steps to come; a graph output is one that never ends */
    int *native; /* per value: its first slot; -1 */
} assembler;

static const tdi_value *value_at(const assembler *a, int index) {
    return &a->program->graph->values[index];
}

/* A fresh storage; `constant`, which is pinned, or NULL is what lies there. */
static td_status add_storage(tdi_program *p, size_t bytes, tdi_tensor *constant, int *out,
                             td_error *err) {
    size_t needed = p->storage_count + 1;
    if (tdi_grow(&p->spans, &p->span_capacity, needed, sizeof *p->spans) != 0 ||
        tdi_grow(&p->constants, &p->constant_capacity, needed, sizeof *p->constants) != 0)
        return tdi_fail_memory(err);
    if (constant)
        TD_TRY(tdi_tensor_pin(constant, err));
    tdi_span unused = {.bytes = bytes, .first = 1, .last = 0};
    p->spans[p->storage_count] = unused;
    p->constants[p->storage_count] = constant ? tdi_tensor_ref(constant) : NULL;
    *out = (int)p->storage_count++;
    return TD_OK;
}

/* storage -1: a fresh one. */
static td_status add_slot(assembler *a, int value, const tdi_format *format, int storage, int *out,
                          td_error *err) {
    tdi_program *p = a->program;
    if (storage < 0)
        TD_TRY(add_storage(p, format->bytes, NULL, &storage, err));
    if (tdi_grow(&p->slots, &p->slot_capacity, p->slot_count + 1, sizeof *p->slots) != 0)
        return tdi_fail_memory(err);
    *out = (int)p->slot_count++;
    p->slots[*out] = (tdi_slot){value, *format, storage};
    if (value >= 0 && a->native[value] < 0)
        a->native[value] = *out;
    return TD_OK;
}

static td_status add_action(assembler *a, tdi_kernel *kernel, const tdi_step *step,
                            const int *inputs, int input_count, int output, td_error *err) {
    tdi_program *p = a->program;
    int *copy = tdi_arena_copy(&p->arena, inputs, ((size_t)input_count + 1) * sizeof *inputs);
    if (!copy ||
        tdi_grow(&p->actions, &p->action_capacity, p->action_count + 1, sizeof *p->actions) != 0) {
        tdi_compile compile = tdi_program_compile(p, kernel->backend);
        kernel->backend->release(&compile, kernel);
        return tdi_fail_memory(err);
    }
    p->actions[p->action_count++] = (tdi_action){kernel, step, input_count, copy, output};
    return TD_OK;
}

/* The slot of a constant appears with its first use. */
static td_status ensure_native(assembler *a, int value, td_error *err) {
    const tdi_value *v = value_at(a, value);
    if (a->native[value] >= 0)
        return TD_OK;
    tdi_format dense = tdi_format_dense(v->dtype, &v->shape);
    int storage = -1, slot;
    if (v->data)
        TD_TRY(add_storage(a->program, dense.bytes, v->data, &storage, err));
    return add_slot(a, value, &dense, storage, &slot, err);
}

static int find_slot(const assembler *a, int value, const tdi_format *format) {
    for (size_t i = 0; i < a->program->slot_count; i++)
        if (a->program->slots[i].value == value &&
            tdi_format_same(&a->program->slots[i].format, format))
            return (int)i;
    return -1;
}

/* Copies a slot into a new one of `format`; some backend knows both formats. */
static td_status convert(assembler *a, int from, int value, const tdi_format *format, int *out,
                         td_error *err) {
    tdi_program *p = a->program;
    const tdi_backend *by = tdi_backend_between(&p->slots[from].format, format);
    const tdi_value *v = value_at(a, p->slots[from].value);
    tdi_compile compile = tdi_program_compile(p, by);
    tdi_kernel *kernel = NULL;
    int inputs[2] = {from, -1};
    TD_TRY(
        by->convert(&compile, v->dtype, &v->shape, &p->slots[from].format, format, &kernel, err));
    td_status status = add_slot(a, value, format, -1, out, err);
    if (status != TD_OK) {
        by->release(&compile, kernel);
        return status;
    }
    return add_action(a, kernel, NULL, inputs, 1, *out, err);
}

/* A slot of `value` in `format`. */
static td_status want(assembler *a, int value, const tdi_format *format, int *out, td_error *err) {
    TD_TRY(ensure_native(a, value, err));
    *out = find_slot(a, value, format);
    if (*out >= 0)
        return TD_OK;
    int from = a->native[value];
    if (!tdi_backend_between(&a->program->slots[from].format, format)) {
        const tdi_value *v = value_at(a, value);
        tdi_format dense = tdi_format_dense(v->dtype, &v->shape);
        TD_TRY(want(a, value, &dense, &from, err));
    }
    return convert(a, from, value, format, out, err);
}

static int uses_in(const tdi_step *step, int value) {
    int uses = 0;
    for (int i = 0; i < step->input_count; i++)
        uses += step->inputs[i] == value;
    return uses;
}

/*
 * Whether the step may write over the memory of its input `index`: no constant, no value that is
 * needed afterwards lies there, and the step reads it through no other input.
 */
static int may_take(const assembler *a, const tdi_step *step, const int *slots, int index) {
    const tdi_program *p = a->program;
    int storage = p->slots[slots[index]].storage;
    if (p->constants[storage])
        return 0;
    for (size_t i = 0; i < p->slot_count; i++) {
        int value = p->slots[i].value;
        if (p->slots[i].storage == storage && value >= 0 && a->left[value] > uses_in(step, value))
            return 0;
    }
    for (int i = 0; i < step->input_count; i++)
        if (i != index && slots[i] >= 0 && p->slots[slots[i]].storage == storage)
            return 0;
    return 1;
}

/* Input `index` of the step in memory that the step may overwrite: its own, or a copy. */
static td_status want_own(assembler *a, const tdi_step *step, const tdi_kernel *kernel, int *slots,
                          int index, td_error *err) {
    const tdi_format *format = &kernel->inputs[index];
    int value = step->inputs[index];
    TD_TRY(ensure_native(a, value, err));
    slots[index] = find_slot(a, value, format);
    if (slots[index] >= 0 && may_take(a, step, slots, index))
        return TD_OK;
    return convert(a, a->native[value], -1, format, &slots[index], err);
}

/* The way that comes before others where a step has that precision. */
static int last_variant(const assembler *a, const tdi_step *like, td_precision precision) {
    tdi_step step = *like;
    step.precision = precision;
    if (precision == TD_PRECISION_F32 || !step.backend->variants)
        return 0;
    return step.backend->variants(a->program->graph, &step) - 1;
}

/* A way of low precision that turns out to be impossible gives way to those of higher. */
static td_status prepare_possible(assembler *a, const tdi_step *step, const tdi_format *at_hand,
                                  tdi_kernel **out, td_error *err) {
    tdi_compile compile = tdi_program_compile(a->program, step->backend);
    tdi_step tried = *step;
    td_status status = step->backend->prepare(&compile, &tried, at_hand, out, err);
    for (int p = (int)step->precision; p >= 0 && status == TD_UNSUPPORTED; p--) {
        int variant = last_variant(a, step, (td_precision)p);
        if (variant >= tried.variant)
            continue;
        tried.variant = variant;
        status = step->backend->prepare(&compile, &tried, at_hand, out, err);
    }
    return status;
}

static td_status prepare(assembler *a, const tdi_step *step, tdi_kernel **out, td_error *err) {
    td_status status = TD_OK;
    tdi_format *at_hand = tdi_calloc((size_t)step->input_count + 1, sizeof *at_hand);
    if (!at_hand)
        return tdi_fail_memory(err);
    for (int i = 0; i < step->input_count && status == TD_OK; i++) {
        if (step->inputs[i] < 0)
            continue;
        status = ensure_native(a, step->inputs[i], err);
        if (status == TD_OK)
            at_hand[i] = a->program->slots[a->native[step->inputs[i]]].format;
    }
    if (status == TD_OK)
        status = prepare_possible(a, step, at_hand, out, err);
    tdi_free(at_hand);
    return status;
}

/* Slots for all that the kernel reads and for what it writes. */
static td_status place(assembler *a, const tdi_step *step, const tdi_kernel *kernel, int *slots,
                       int *output, td_error *err) {
    int storage = -1, own = kernel->overwrites, maybe = kernel->may_overwrite;
    for (int i = 0; i < step->input_count; i++) {
        slots[i] = -1;
        if (i != own && step->inputs[i] >= 0)
            TD_TRY(want(a, step->inputs[i], &kernel->inputs[i], &slots[i], err));
    }
    if (own >= 0) {
        TD_TRY(want_own(a, step, kernel, slots, own, err));
        storage = a->program->slots[slots[own]].storage;
    } else if (maybe >= 0 && tdi_format_same(&kernel->inputs[maybe], &kernel->output) &&
               may_take(a, step, slots, maybe)) {
        storage = a->program->slots[slots[maybe]].storage;
    }
    return add_slot(a, step->output, &kernel->output, storage, output, err);
}

static td_status add_step(assembler *a, const tdi_step *step, td_error *err) {
    tdi_kernel *kernel = NULL;
    int output = -1;
    int *slots = tdi_calloc((size_t)step->input_count + 1, sizeof *slots);
    if (!slots)
        return tdi_fail_memory(err);
    td_status status = prepare(a, step, &kernel, err);
    if (status != TD_OK)
        goto done;
    status = place(a, step, kernel, slots, &output, err);
    if (status == TD_OK) {
        status = add_action(a, kernel, step, slots, step->input_count, output, err);
    } else {
        tdi_compile compile = tdi_program_compile(a->program, kernel->backend);
        kernel->backend->release(&compile, kernel);
    }
done:
    tdi_free(slots);
    return status;
}

static td_status add_view(assembler *a, const tdi_step *step, td_error *err) {
    const tdi_value *in = value_at(a, step->inputs[0]);
    tdi_format dense = tdi_format_dense(in->dtype, &in->shape);
    int slot, output;
    TD_TRY(want(a, step->inputs[0], &dense, &slot, err));
    return add_slot(a, step->output, &dense, a->program->slots[slot].storage, &output, err);
}

static td_status add_ends(assembler *a, const int *values, int count, int **out, td_error *err) {
    *out = tdi_arena_alloc(&a->program->arena, ((size_t)count + 1) * sizeof **out);
    if (!*out)
        return tdi_fail_memory(err);
    for (int i = 0; i < count; i++) {
        const tdi_value *v = value_at(a, values[i]);
        tdi_format dense = tdi_format_dense(v->dtype, &v->shape);
        TD_TRY(want(a, values[i], &dense, &(*out)[i], err));
    }
    return TD_OK;
}

static void touch(tdi_program *p, int slot, int action) {
    tdi_span *span = &p->spans[p->slots[slot].storage];
    if (p->constants[p->slots[slot].storage])
        return;
    int fresh = span->first > span->last;
    if (fresh || action < span->first)
        span->first = action;
    if (fresh || action > span->last)
        span->last = action;
}

/* Inputs are there before the first action, outputs until after the last. */
static void find_lives(tdi_program *p) {
    int count = (int)p->action_count;
    for (int i = 0; i < p->graph->input_count; i++)
        touch(p, p->inputs[i], 0);
    for (int k = 0; k < count; k++) {
        const tdi_action *action = &p->actions[k];
        for (int i = 0; i < action->input_count; i++)
            if (action->inputs[i] >= 0)
                touch(p, action->inputs[i], k);
        touch(p, action->output, k);
    }
    for (int i = 0; i < p->graph->output_count; i++)
        touch(p, p->outputs[i], count);
}

static void count_uses(const tdi_program *p, int *left) {
    for (int s = 0; s < p->plan.step_count; s++) {
        const tdi_step *step = &p->plan.steps[s];
        for (int i = 0; i < step->input_count; i++)
            if (step->inputs[i] >= 0)
                left[step->inputs[i]]++;
    }
    for (int i = 0; i < p->graph->output_count; i++)
        left[p->graph->outputs[i]]++;
}

td_status tdi_program_assemble(tdi_program *program, td_error *err) {
    const tdi_graph *graph = program->graph;
    size_t values = (size_t)graph->value_count + 1;
    assembler a = {program, NULL, NULL};
    td_status status = TD_OK;
    a.left = tdi_calloc(values, sizeof *a.left);
    a.native = tdi_malloc(values * sizeof *a.native);
    if (!a.left || !a.native) {
        status = tdi_fail_memory(err);
        goto done;
    }
    memset(a.native, -1, values * sizeof *a.native);
    count_uses(program, a.left);
    status = add_ends(&a, graph->inputs, graph->input_count, &program->inputs, err);
    for (int s = 0; s < program->plan.step_count && status == TD_OK; s++) {
        const tdi_step *step = &program->plan.steps[s];
        status = step->kind == TDI_STEP_VIEW ? add_view(&a, step, err) : add_step(&a, step, err);
        for (int i = 0; i < step->input_count; i++)
            if (step->inputs[i] >= 0)
                a.left[step->inputs[i]]--;
    }
    if (status == TD_OK)
        status = add_ends(&a, graph->outputs, graph->output_count, &program->outputs, err);
    if (status == TD_OK)
        find_lives(program);
done:
    tdi_free(a.left);
    tdi_free(a.native);
    return status;
}
