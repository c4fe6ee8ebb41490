/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program in words, for people who want to know what runs.
 */
#include "base/text.h"
#include "engine/program.h"
#include "graph/op.h"

static void describe_conversion(const tdi_program *p, const tdi_action *action, tdi_text *text) {
    const tdi_slot *from = &p->slots[action->inputs[0]];
    tdi_text_append(text, "copy \"%s\"", p->graph->values[from->value].name);
}

static void describe_step(const tdi_program *p, const tdi_step *step, tdi_text *text) {
    char in[96] = "-", out[96];
    if (step->inputs[0] >= 0)
        td_shape_format(&p->graph->values[step->inputs[0]].shape, in, sizeof in);
    td_shape_format(&p->graph->values[step->output].shape, out, sizeof out);
    tdi_text_append(text, "%s%s \"%s\" %s -> %s", step->node->op->type, step->fused,
                    step->node->name, in, out);
}

char *tdi_program_describe(const tdi_program *program) {
    tdi_text text = {0};
    for (size_t i = 0; i < program->action_count; i++) {
        const tdi_action *action = &program->actions[i];
        const tdi_slot *out = &program->slots[action->output];
        if (action->step)
            describe_step(program, action->step, &text);
        else
            describe_conversion(program, action, &text);
        tdi_text_append(&text, ", %s %s, %zu bytes at %zu, weights %zu, scratch %zu\n",
                        action->kernel->backend->name, action->kernel->implementation,
                        out->format.bytes, program->spans[out->storage].offset,
                        action->kernel->weights_bytes, action->kernel->scratch_bytes);
    }
    if (!text.data)
        tdi_text_append(&text, "%s", "");
    return tdi_text_take(&text);
}

size_t tdi_program_step_count(const tdi_program *program) {
    return program->action_count;
}

/* Of one picture. */
static int64_t step_macs(const tdi_step *step) {
    int64_t sum = step->kind == TDI_STEP_CHAIN ? 0 : step->node->macs;
    for (int i = 0; i < step->stage_count; i++)
        sum += step->stages[i]->node->macs;
    return sum;
}

tdi_step_info tdi_program_step(const tdi_program *program, size_t index) {
    const tdi_graph *graph = program->graph;
    const tdi_action *action = &program->actions[index];
    const tdi_kernel *kernel = action->kernel;
    const tdi_step *step = action->step;
    int value = step ? step->output : program->slots[action->inputs[0]].value;
    tdi_step_info info = {.type = "copy", .fused = "", .name = graph->values[value].name};
    if (step) {
        info.type = step->node->op->type;
        info.fused = step->fused;
        info.name = step->node->name;
        info.macs = step_macs(step) * graph->batch;
    }
    info.shape = graph->values[value].shape;
    info.backend = kernel->backend->name;
    info.implementation = kernel->implementation;
    info.weights_bytes = kernel->weights_bytes;
    info.scratch_bytes = kernel->scratch_bytes;
    return info;
}
