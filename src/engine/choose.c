/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search for the set of options that adds up to the least.
 */
#include "engine/choose.h"

#include <string.h>

#include "base/memory.h"
#include "engine/options.h"

/* Packed weights may take that many times what the weights themselves do; winograd's take up to
 * four times as much as others. */
#define WEIGHTS_MOST 2.5

typedef struct chooser {
    tdi_program *program;
    tdi_options options;
    tdi_site **sites;     /* the options', per step */
    int *chosen, *best;   /* per step: index of an option */
    double price;         /* of a byte of weights, in nanoseconds */
    unsigned *there;      /* per value: its forms so far, as bits */
    unsigned char *first; /* per value: its first form */
} chooser;

static void put(chooser *c, int value, int form) {
    c->there[value] = 1U << form;
    c->first[value] = (unsigned char)form;
}

/* Adds the cost of having `value` in that form. */
static td_status need(chooser *c, int value, int form, td_duration *sum, td_error *err) {
    td_duration time = 0;
    if (value < 0 || c->program->graph->values[value].data || !c->there[value] ||
        c->there[value] & (1U << form))
        return TD_OK;
    TD_TRY(tdi_options_copy_time(&c->options, value, c->first[value], form, &time, err));
    c->there[value] |= 1U << form;
    *sum += time;
    return TD_OK;
}

/* The form in which a step without a choice gives its result, and wants its operands, where these
 * are pictures. */
static int form_followed(const chooser *c, const tdi_step *step) {
    static const td_dtype bf16 = TD_DTYPE_BF16;
    const tdi_value *values = c->program->graph->values;
    int takes = step->kind == TDI_STEP_NODE && step->backend->convert && step->inputs[0] >= 0 &&
                values[step->inputs[0]].shape.rank == 4 && values[step->output].shape.rank == 4;
    if (!takes)
        return TDI_FORM_F32;
    int form = (int)c->first[step->inputs[0]];
    td_dtype dtype = form < TDI_FORM_INT8 ? bf16 : c->program->quants[step->inputs[0]].dtype;
    if (form < TDI_FORM_BF16 ||
        (step->backend->keeps && step->backend->keeps(c->program->graph, step, dtype)))
        return form;
    return form % (int)TDI_LAYOUT_OWN;
}

/*
 * A step without a choice: the plain operators want dense tensors; the others take what is there,
 * and want the rest of their operands alike.
 */
static td_status follow(chooser *c, const tdi_step *step, td_duration *sum, td_error *err) {
    const tdi_value *values = c->program->graph->values;
    int form = form_followed(c, step);
    for (int i = 0; i < step->input_count; i++)
        if (step->inputs[i] >= 0 && values[step->inputs[i]].shape.rank == 4)
            TD_TRY(need(c, step->inputs[i], form, sum, err));
    put(c, step->output, form);
    return TD_OK;
}

/* What a run takes with the options chosen, as far as it depends on them. */
static td_status cost(chooser *c, td_duration *out, td_error *err) {
    const tdi_graph *graph = c->program->graph;
    memset(c->there, 0, (size_t)graph->value_count * sizeof *c->there);
    *out = 0;
    for (int i = 0; i < graph->input_count; i++)
        put(c, graph->inputs[i], TDI_FORM_F32);
    for (int s = 0; s < c->program->plan.step_count; s++) {
        const tdi_step *step = &c->program->plan.steps[s];
        if (!c->sites[s]) {
            TD_TRY(follow(c, step, out, err));
            continue;
        }
        const tdi_option *o = &c->sites[s]->options[c->chosen[s]];
        TD_TRY(need(c, step->inputs[0], o->in, out, err));
        for (int i = 1; i < step->input_count; i++)
            TD_TRY(need(c, step->inputs[i], o->out, out, err));
        *out += o->time + (td_duration)(c->price * (double)o->weights_bytes);
        put(c, step->output, o->out);
    }
    for (int i = 0; i < graph->output_count; i++)
        TD_TRY(need(c, graph->outputs[i], TDI_FORM_F32, out, err));
    return TD_OK;
}

/* The fastest option of each site, among those with that result where there are any. */
static void start_with(chooser *c, int form) {
    for (int s = 0; s < c->program->plan.step_count; s++) {
        const tdi_site *at = c->sites[s];
        int best = 0;
        for (int o = 1; at && o < at->count; o++) {
            int fits = at->options[o].out == form, fitted = at->options[best].out == form;
            if (fits > fitted || (fits == fitted && at->options[o].time < at->options[best].time))
                best = o;
        }
        c->chosen[s] = best;
    }
}

/* Changes one step after the other as long as that helps. */
static td_status descend(chooser *c, td_duration *total, td_error *err) {
    int changed = 1;
    TD_TRY(cost(c, total, err));
    while (changed) {
        changed = 0;
        for (int s = 0; s < c->program->plan.step_count; s++) {
            int best = c->chosen[s];
            for (int o = 0; c->sites[s] && o < c->sites[s]->count; o++) {
                td_duration sum;
                c->chosen[s] = o;
                TD_TRY(cost(c, &sum, err));
                if (sum < *total) {
                    *total = sum;
                    best = o;
                    changed = 1;
                }
            }
            c->chosen[s] = best;
        }
    }
    return TD_OK;
}

static void keep(chooser *c) {
    memcpy(c->best, c->chosen, (size_t)c->program->plan.step_count * sizeof *c->best);
}

/* From several starts, since forms that only pay when many steps change at once are not found
 * one by one. Leaves the best in c->best. */
static td_status search(chooser *c, td_error *err) {
    td_duration best = INT64_MAX;
    for (int form = 0; form <= TDI_FORMS; form++) {
        td_duration total;
        start_with(c, form);
        TD_TRY(descend(c, &total, err));
        if (total >= best)
            continue;
        best = total;
        keep(c);
    }
    return TD_OK;
}

static int64_t plain_bytes(const tdi_step *step) {
    int64_t sum = step->kind == TDI_STEP_CONV || step->kind == TDI_STEP_DENSE
                      ? (int64_t)step->weights.kernel->bytes
                      : 0;
    for (int i = 0; i < step->stage_count; i++)
        sum += (int64_t)step->stages[i]->weights.kernel->bytes;
    return sum;
}

/* Whether the options numbered so keep the weights within bounds. */
static int is_small(const chooser *c, const int *options) {
    int64_t plain = 0, packed = 0;
    for (int s = 0; s < c->program->plan.step_count; s++) {
        int64_t bytes = plain_bytes(&c->program->plan.steps[s]);
        plain += bytes;
        packed += c->sites[s] ? c->sites[s]->options[options[s]].weights_bytes : bytes;
    }
    return (double)packed <= WEIGHTS_MOST * (double)plain;
}

/* Takes faster kernels, one by one, as long as there is room for their weights. */
static td_status fill_up(chooser *c, td_error *err) {
    td_duration total, sum;
    memcpy(c->chosen, c->best, (size_t)c->program->plan.step_count * sizeof *c->best);
    TD_TRY(cost(c, &total, err));
    for (int s = 0; s < c->program->plan.step_count; s++)
        for (int o = 0; c->sites[s] && o < c->sites[s]->count; o++) {
            c->chosen[s] = o;
            TD_TRY(cost(c, &sum, err));
            if (sum < total && is_small(c, c->chosen)) {
                total = sum;
                c->best[s] = o;
            }
            c->chosen[s] = c->best[s];
        }
    return TD_OK;
}

/* Where the fastest kernels' weights are out of bounds, raises the price of memory until they are
 * not: those give way that gain the least for what they take. */
static td_status search_within_bounds(chooser *c, td_error *err) {
    enum { TRIES = 20 };
    TD_TRY(search(c, err));
    if (is_small(c, c->best))
        return TD_OK;
    c->price = 0.001;
    for (int i = 0; i < TRIES && !is_small(c, c->best); i++, c->price *= 1.5)
        TD_TRY(search(c, err));
    c->price = 0;
    return fill_up(c, err);
}

static void take(chooser *c) {
    for (int s = 0; s < c->program->plan.step_count; s++) {
        if (!c->sites[s])
            continue;
        const tdi_option *o = &c->sites[s]->options[c->best[s]];
        c->program->plan.steps[s].backend = o->backend;
        c->program->plan.steps[s].variant = o->variant;
        c->program->plan.steps[s].alone = o->alone;
    }
}

static td_status chooser_init(chooser *c, tdi_program *program, tdi_timings *timings,
                              td_error *err) {
    size_t steps = (size_t)program->plan.step_count + 1;
    size_t values = (size_t)program->graph->value_count + 1;
    memset(c, 0, sizeof *c);
    c->program = program;
    TD_TRY(tdi_options_init(&c->options, program, timings, err));
    tdi_arena *arena = &c->options.arena;
    c->sites = c->options.sites;
    c->chosen = tdi_arena_alloc(arena, steps * sizeof *c->chosen);
    c->best = tdi_arena_alloc(arena, steps * sizeof *c->best);
    c->there = tdi_arena_alloc(arena, values * sizeof *c->there);
    c->first = tdi_arena_alloc(arena, values);
    return c->chosen && c->best && c->there && c->first ? TD_OK : tdi_fail_memory(err);
}

td_status tdi_choose(tdi_program *program, tdi_timings *timings, td_error *err) {
    chooser c;
    td_status status = chooser_init(&c, program, timings, err);
    if (status == TD_OK)
        status = search_within_bounds(&c, err);
    if (status == TD_OK)
        take(&c);
    tdi_options_fini(&c.options);
    return status;
}
