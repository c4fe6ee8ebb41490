/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/choose.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "engine/timings.h"
#include "engine/trial.h"
#include "graph/op.h"

/* One way to run a step. Only common formats take part: what a format costs others must be known.
 */
typedef struct option {
    const tdi_backend *backend;
    int variant, alone;
    int in, out; /* forms of input 0; of the result and of an addend */
    td_duration time;
    int64_t weights_bytes;
} option;

/* Packed weights may take that many times what the weights themselves do; winograd's take up to
 * four times as much as others. */
#define WEIGHTS_MOST 2.5

#define OPTIONS_MAX 48

/* The options of all steps that do the same. */
typedef struct site {
    char *key;
    const char *types; /* what 8-bit operands are made of */
    td_precision precision;
    int count;
    option options[OPTIONS_MAX];
} site;

typedef struct chooser {
    tdi_program *program;
    tdi_timings *timings;
    tdi_arena arena;         /* of kernels that are only timed, and of all below */
    tdi_packs *packs;        /* of the same kernels */
    site **sites;            /* per step; NULL: there is no choice */
    int looked_at, reported; /* steps so far; whether something was measured */
    int *chosen, *best;      /* per step: index of an option */
    double price;            /* of a byte of weights, in nanoseconds */
    unsigned *there;         /* per value: its forms so far, as bits */
    unsigned char *first;    /* per value: its first form */
    td_duration **copies;    /* per value: TDI_FORMS x TDI_FORMS, 0 while unknown; NULL: all */
} chooser;

static tdi_compile trial_of(chooser *c, const tdi_backend *backend) {
    tdi_compile compile = tdi_program_compile(c->program, backend);
    compile.arena = &c->arena;
    compile.packs = c->packs;
    compile.trial = 1;
    return compile;
}

static void append_shape(tdi_text *text, const char *before, const td_shape *shape) {
    char shown[128];
    td_shape_format(shape, shown, sizeof shown);
    tdi_text_append(text, "%s%s", before, shown);
}

static void append_attrs(tdi_text *text, const tdi_node *node) {
    for (size_t a = 0; a < node->attr_count; a++) {
        const tdi_attr *attr = &node->attrs[a];
        if (attr->kind == TDI_ATTR_STRING)
            tdi_text_append(text, " %s=%s", attr->name, attr->s);
        if (attr->kind == TDI_ATTR_INT)
            tdi_text_append(text, " %s=%lld", attr->name, (long long)attr->i);
        for (size_t i = 0; attr->kind == TDI_ATTR_INTS && i < attr->count; i++)
            tdi_text_append(text, "%c%s%s%lld", i ? ',' : ' ', i ? "" : attr->name, i ? "" : "=",
                            (long long)attr->ints[i]);
    }
}

static void append_conv(tdi_text *text, const tdi_graph *graph, const tdi_step *step) {
    tdi_text_append(text, "%s", step->node->op->type);
    append_shape(text, " ", &graph->values[step->node->inputs[0]].shape);
    append_shape(text, " by ", &step->weights.kernel->shape);
    append_attrs(text, step->node);
    for (int i = 0; i < step->post_count; i++) {
        if (step->posts[i].kind == TDI_POST_ADD)
            tdi_text_append(text, " +add");
        else
            tdi_text_append(text, " +%s", tdi_activation_name(step->posts[i].activation.kind));
    }
}

/* What the step's values are in 8 bits, as " uint8 int8"; "" where they are not. NULL: no memory.
 */
static const char *types_of(chooser *c, const tdi_step *step) {
    const tdi_quant *quants = c->program->quants;
    tdi_text text = {0};
    if (step->precision != TD_PRECISION_INT8)
        return "";
    for (int i = 0; i < step->input_count; i++)
        tdi_text_append(&text, " %s", td_dtype_name(quants[step->inputs[i]].dtype));
    tdi_text_append(&text, " %s", td_dtype_name(quants[step->output].dtype));
    const char *copy = text.failed ? NULL : tdi_arena_strdup(&c->arena, text.data);
    tdi_text_fini(&text);
    return copy;
}

/* All that the time of the step depends on, besides machine, backend, variant and types. NULL: no
 * memory. */
static char *key_of(const chooser *c, const tdi_step *step) {
    tdi_text text = {0};
    if (step->kind != TDI_STEP_CHAIN)
        append_conv(&text, c->program->graph, step);
    for (int i = 0; i < step->stage_count; i++) {
        append_conv(&text, c->program->graph, step->stages[i]);
        tdi_text_append(&text, " > ");
    }
    tdi_text_append(&text, " threads=%d", c->program->threads);
    return tdi_text_take(&text);
}

static int is_known(const site *s, const tdi_timing *timing) {
    for (int i = 0; i < s->count; i++)
        if (s->options[i].in == timing->in && s->options[i].out == timing->out &&
            s->options[i].time == timing->time)
            return 1;
    return 0;
}

static td_duration best_time(const site *s) {
    td_duration best = 0;
    for (int i = 0; i < s->count; i++)
        if (best == 0 || s->options[i].time < best)
            best = s->options[i].time;
    return best;
}

/* Times the kernel of a step; no time where it is not possible, or has a layout of its own. */
static td_status measure_step(chooser *c, const tdi_step *step, td_duration best, tdi_timing *out,
                              td_error *err) {
    tdi_compile compile = trial_of(c, step->backend);
    tdi_kernel *kernel = NULL;
    size_t inputs = (size_t)step->input_count + 1;
    tdi_format *at_hand = tdi_arena_alloc(&c->arena, inputs * sizeof *at_hand);
    if (!at_hand)
        return tdi_fail_memory(err);
    *out = (tdi_timing){0, TDI_FORM_F32, TDI_FORM_F32, 0};
    td_status status = step->backend->prepare(&compile, step, at_hand, &kernel, NULL);
    if (status != TD_OK)
        return status == TD_UNSUPPORTED ? TD_OK : tdi_fail_memory(err);
    int in = tdi_form_of(&kernel->inputs[0]), output = tdi_form_of(&kernel->output);
    if (in >= 0 && output >= 0) {
        out->in = in;
        out->out = output;
        out->weights_bytes = (int64_t)kernel->weights_bytes;
        status = tdi_trial(&compile, kernel, step->input_count, c->program->threads, best,
                           &out->time, err);
    }
    step->backend->release(&compile, kernel);
    return status;
}

static void report(chooser *c, int done) {
    tdi_timings_report(c->timings, (size_t)done, (size_t)c->program->plan.step_count);
    c->reported = 1;
}

/* Adds one way to the site, where it is possible. */
static td_status add_option(chooser *c, site *s, const tdi_step *like, const tdi_backend *backend,
                            int variant, int alone, td_error *err) {
    tdi_step step = *like;
    tdi_timing timing;
    tdi_text key = {0};
    td_status status = TD_OK;
    step.backend = backend;
    step.variant = variant;
    step.alone = alone;
    tdi_text_append(&key, "%s, %s/%d%s", s->key, backend->name, variant, alone ? " alone" : "");
    step.precision = TD_PRECISION_BF16;
    if (variant >= backend->variants(c->program->graph, &step))
        tdi_text_append(&key, "%s", s->types);
    step.precision = like->precision;
    if (key.failed)
        return tdi_fail_memory(err);
    if (!tdi_timings_find(c->timings, key.data, &timing)) {
        report(c, c->looked_at);
        status = measure_step(c, &step, best_time(s), &timing, err);
        if (status == TD_OK)
            status = tdi_timings_add(c->timings, key.data, &timing, err);
    }
    tdi_text_fini(&key);
    if (status == TD_OK && timing.time > 0 && s->count < OPTIONS_MAX && !is_known(s, &timing))
        s->options[s->count++] = (option){
            backend, variant, alone, timing.in, timing.out, timing.time, timing.weights_bytes};
    return status;
}

static td_status fill_site(chooser *c, site *s, const tdi_step *step, td_error *err) {
    for (int i = 0; i < TDI_BACKEND_COUNT; i++) {
        const tdi_backend *backend = tdi_backend_at(i);
        if (!backend->variants || !backend->supports(c->program->graph, step->node, step->kind))
            continue;
        int count = backend->variants(c->program->graph, step);
        for (int v = 0; v < count; v++) {
            TD_TRY(add_option(c, s, step, backend, v, 0, err));
            /* Sharing the smallest layers costs more than it gains. */
            if (c->program->threads > 1)
                TD_TRY(add_option(c, s, step, backend, v, 1, err));
        }
    }
    return TD_OK;
}

static int is_same(const site *s, const char *key, const char *types, td_precision precision) {
    return s->precision == precision && strcmp(s->key, key) == 0 && strcmp(s->types, types) == 0;
}

static td_status find_site(chooser *c, int index, td_error *err) {
    const tdi_step *step = &c->program->plan.steps[index];
    const char *types = types_of(c, step);
    char *key = key_of(c, step);
    if (!key || !types) {
        tdi_free(key);
        return tdi_fail_memory(err);
    }
    for (int i = 0; i < index; i++) {
        if (c->sites[i] && is_same(c->sites[i], key, types, step->precision)) {
            c->sites[index] = c->sites[i];
            tdi_free(key);
            return TD_OK;
        }
    }
    site *s = tdi_arena_alloc(&c->arena, sizeof *s);
    if (s)
        s->key = tdi_arena_strdup(&c->arena, key);
    tdi_free(key);
    if (!s || !s->key)
        return tdi_fail_memory(err);
    s->types = types;
    s->precision = step->precision;
    TD_TRY(fill_site(c, s, step, err));
    if (s->count > 0)
        c->sites[index] = s;
    return TD_OK;
}

static td_status measure_copy(chooser *c, int value, tdi_timing *timing, td_error *err) {
    const tdi_value *v = &c->program->graph->values[value];
    const tdi_quant *quant = c->program->quants ? &c->program->quants[value] : NULL;
    const tdi_format from = tdi_form_format(timing->in, quant, &v->shape);
    const tdi_format to = tdi_form_format(timing->out, quant, &v->shape);
    const tdi_backend *backend = tdi_backend_between(&from, &to);
    tdi_compile compile = trial_of(c, backend);
    tdi_kernel *kernel = NULL;
    TD_TRY(backend->convert(&compile, v->dtype, &v->shape, &from, &to, &kernel, err));
    td_status status = tdi_trial(&compile, kernel, 1, c->program->threads, 0, &timing->time, err);
    backend->release(&compile, kernel);
    return status;
}

/* What copying `value` into another form takes. */
static td_status copy_time(chooser *c, int value, int from, int to, td_duration *out,
                           td_error *err) {
    tdi_timing timing = {0, from, to, 0};
    tdi_text key = {0};
    td_status status = TD_OK;
    if (!c->copies[value]) {
        c->copies[value] = tdi_arena_alloc(&c->arena, TDI_FORMS * TDI_FORMS * sizeof **c->copies);
        if (!c->copies[value])
            return tdi_fail_memory(err);
    }
    td_duration *known = &c->copies[value][from * TDI_FORMS + to];
    if (*known == 0) {
        append_shape(&key, "copy ", &c->program->graph->values[value].shape);
        tdi_text_append(&key, " %d to %d threads=%d", from, to, c->program->threads);
        if (key.failed)
            return tdi_fail_memory(err);
        if (!tdi_timings_find(c->timings, key.data, &timing)) {
            status = measure_copy(c, value, &timing, err);
            if (status == TD_OK)
                status = tdi_timings_add(c->timings, key.data, &timing, err);
        }
        tdi_text_fini(&key);
        *known = timing.time > 0 ? timing.time : 1;
    }
    *out = *known;
    return status;
}

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
    TD_TRY(copy_time(c, value, c->first[value], form, &time, err));
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
        const option *o = &c->sites[s]->options[c->chosen[s]];
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
        const site *at = c->sites[s];
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
        const option *o = &c->sites[s]->options[c->best[s]];
        c->program->plan.steps[s].backend = o->backend;
        c->program->plan.steps[s].variant = o->variant;
        c->program->plan.steps[s].alone = o->alone;
    }
}

static void chooser_fini(chooser *c) {
    tdi_packs_unref(c->packs);
    tdi_arena_free(&c->arena);
}

static td_status chooser_init(chooser *c, tdi_program *program, tdi_timings *timings,
                              td_error *err) {
    size_t steps = (size_t)program->plan.step_count + 1;
    size_t values = (size_t)program->graph->value_count + 1;
    memset(c, 0, sizeof *c);
    c->program = program;
    c->timings = timings;
    c->packs = tdi_packs_new();
    c->sites = tdi_arena_alloc(&c->arena, steps * sizeof *c->sites);
    c->chosen = tdi_arena_alloc(&c->arena, steps * sizeof *c->chosen);
    c->best = tdi_arena_alloc(&c->arena, steps * sizeof *c->best);
    c->there = tdi_arena_alloc(&c->arena, values * sizeof *c->there);
    c->first = tdi_arena_alloc(&c->arena, values);
    c->copies = tdi_arena_alloc(&c->arena, values * sizeof *c->copies);
    return c->packs && c->sites && c->chosen && c->best && c->there && c->first && c->copies
               ? TD_OK
               : tdi_fail_memory(err);
}

static int has_choice(const tdi_step *step) {
    return step->kind == TDI_STEP_CONV || step->kind == TDI_STEP_CHAIN ||
           step->kind == TDI_STEP_DENSE;
}

td_status tdi_choose(tdi_program *program, tdi_timings *timings, td_error *err) {
    chooser c;
    td_status status = chooser_init(&c, program, timings, err);
    for (int s = 0; s < program->plan.step_count && status == TD_OK; s++) {
        c.looked_at = s;
        if (has_choice(&program->plan.steps[s]))
            status = find_site(&c, s, err);
    }
    if (c.reported)
        report(&c, program->plan.step_count);
    if (status == TD_OK)
        status = search_within_bounds(&c, err);
    if (status == TD_OK)
        take(&c);
    chooser_fini(&c);
    return status;
}
