/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/precision.h"

#include <string.h>

#include "base/status.h"
#include "engine/backend.h"
#include "graph/op.h"

enum { LEVELS_U8 = 255, LEVELS_I8 = 127 };
#define SCALE_MIN 1e-12f
#define SCALE_MAX 1e12f

int tdi_value_has_range(const tdi_value *value) {
    return value->dtype == TD_DTYPE_F32 && value->depends_on_input && !value->data && value->name &&
           *value->name;
}

static tdi_quant quant_of(const tdi_range *range) {
    float bound = -range->low > range->high ? -range->low : range->high;
    tdi_quant quant = {TD_DTYPE_U8, bound / LEVELS_U8};
    if (range->low < 0)
        quant = (tdi_quant){TD_DTYPE_I8, bound / LEVELS_I8};
    /* So that quotients of scales are finite. */
    if (quant.scale < SCALE_MIN || quant.scale > SCALE_MAX)
        quant.dtype = TD_DTYPE_NONE;
    return quant;
}

/* Whether the result's elements are some of the first input's. */
static int selects(const tdi_step *step) {
    return step->kind == TDI_STEP_VIEW ||
           (step->kind == TDI_STEP_NODE && strcmp(step->node->op->type, "MaxPool") == 0);
}

static int has_quants(const tdi_step *step, const tdi_quant *quants) {
    for (int i = 0; i < step->input_count; i++)
        if (step->inputs[i] < 0 || quants[step->inputs[i]].dtype == TD_DTYPE_NONE)
            return 0;
    return 1;
}

static td_precision precision_of(const tdi_step *step, td_precision precision,
                                 const tdi_quant *quants) {
    if (step->kind != TDI_STEP_CONV && step->kind != TDI_STEP_DENSE)
        return TD_PRECISION_F32;
    if (precision == TD_PRECISION_INT8 && !has_quants(step, quants))
        return tdi_engine_computes(TD_PRECISION_BF16) ? TD_PRECISION_BF16 : TD_PRECISION_F32;
    return precision;
}

td_status tdi_precision_assign(const tdi_graph *graph, tdi_plan *plan, tdi_arena *arena,
                               td_precision precision, const tdi_ranges *ranges, tdi_quant **out,
                               td_error *err) {
    tdi_quant *quants = NULL;
    if (precision == TD_PRECISION_INT8) {
        quants = tdi_arena_alloc(arena, ((size_t)graph->value_count + 1) * sizeof *quants);
        if (!quants)
            return tdi_fail_memory(err);
        for (int v = 0; v < graph->value_count; v++) {
            const tdi_range *range = ranges && graph->values[v].name
                                         ? tdi_ranges_find(ranges, graph->values[v].name)
                                         : NULL;
            if (range && graph->values[v].dtype == TD_DTYPE_F32)
                quants[v] = quant_of(range);
        }
    }
    for (int s = 0; s < plan->step_count; s++) {
        tdi_step *step = &plan->steps[s];
        if (quants && selects(step))
            quants[step->output] = quants[step->inputs[0]];
        step->precision = precision_of(step, precision, quants);
        if (step->precision != TD_PRECISION_F32)
            step->variant = step->backend->variants(graph, step) - 1;
    }
    *out = quants;
    return TD_OK;
}
