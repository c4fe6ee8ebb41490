/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/chain.h"

#include <string.h>

#include "base/status.h"
#include "base/text.h"
#include "engine/backend.h"
#include "graph/op.h"

/* The convolution that alone reads the step's result, as its source. */
static const tdi_step *next_of(const tdi_plan *plan, const tdi_readers *readers,
                               const tdi_step *step) {
    if (readers[step->output].count != 1)
        return NULL;
    for (int i = 0; i < plan->step_count; i++)
        if (plan->steps[i].kind == TDI_STEP_CONV && plan->steps[i].inputs[0] == step->output)
            return &plan->steps[i];
    return NULL;
}

static const tdi_backend *backend_for(const tdi_graph *graph, const tdi_step *const *stages,
                                      int count) {
    for (int i = 0; i < TDI_BACKEND_COUNT; i++)
        if (tdi_backend_at(i)->chains && tdi_backend_at(i)->chains(graph, stages, count))
            return tdi_backend_at(i);
    return NULL;
}

/* What was folded into the chain, beginning with the first stage's. NULL: no memory. */
static const char *fused_of(tdi_arena *arena, const tdi_step *const *stages, int count) {
    tdi_text text = {0};
    for (int i = 0; i < count; i++)
        tdi_text_append(&text, "%s%s%s", i ? "+" : "", i ? stages[i]->node->op->type : "",
                        stages[i]->fused);
    const char *copy = text.failed ? NULL : tdi_arena_strndup(arena, text.data, text.size);
    tdi_text_fini(&text);
    return copy;
}

/* Makes the last of the stages the chain, and empties the others. */
static td_status join(tdi_plan *plan, const tdi_backend *backend, const tdi_step *const *stages,
                      int count, td_error *err) {
    tdi_step *chain = &plan->steps[stages[count - 1] - plan->steps];
    const char *fused = fused_of(&plan->arena, stages, count);
    const tdi_step *copies[TDI_STAGES_MAX];
    for (int i = 0; i < count; i++)
        copies[i] = tdi_arena_copy(&plan->arena, stages[i], sizeof *stages[i]);
    int *inputs = tdi_arena_copy(&plan->arena, chain->inputs,
                                 (size_t)chain->input_count * sizeof *inputs);
    for (int i = 0; i < count; i++)
        if (!copies[i] || !inputs || !fused)
            return tdi_fail_memory(err);
    inputs[0] = stages[0]->inputs[0];
    chain->kind = TDI_STEP_CHAIN;
    chain->backend = backend;
    chain->node = stages[0]->node;
    chain->inputs = inputs;
    chain->fused = fused;
    chain->stage_count = count;
    memcpy(chain->stages, copies, (size_t)count * sizeof *copies);
    for (int i = 0; i < count - 1; i++)
        plan->steps[stages[i] - plan->steps].stage_count = -1;
    return TD_OK;
}

static td_status chain_from(tdi_plan *plan, const tdi_graph *graph, const tdi_readers *readers,
                            const tdi_step *first, td_error *err) {
    const tdi_step *stages[TDI_STAGES_MAX] = {first};
    int count = 1;
    while (count < TDI_STAGES_MAX) {
        stages[count] = next_of(plan, readers, stages[count - 1]);
        if (!stages[count])
            break;
        count++;
    }
    for (; count > 1; count--) {
        const tdi_backend *backend = backend_for(graph, stages, count);
        if (backend)
            return join(plan, backend, stages, count, err);
    }
    return TD_OK;
}

static int is_joined(const tdi_step *step) {
    return step->stage_count < 0;
}

td_status tdi_chain(tdi_plan *plan, const tdi_graph *graph, const tdi_readers *readers,
                    td_error *err) {
    for (int i = 0; i < plan->step_count; i++)
        if (plan->steps[i].kind == TDI_STEP_CONV && !is_joined(&plan->steps[i]))
            TD_TRY(chain_from(plan, graph, readers, &plan->steps[i], err));
    int left = 0;
    for (int i = 0; i < plan->step_count; i++)
        if (!is_joined(&plan->steps[i]))
            plan->steps[left++] = plan->steps[i];
    plan->step_count = left;
    return TD_OK;
}
