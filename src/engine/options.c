/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/options.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "engine/timings.h"
#include "engine/trial.h"
#include "graph/op.h"

static tdi_compile trial_of(tdi_options *o, const tdi_backend *backend) {
    tdi_compile compile = tdi_program_compile(o->program, backend);
    compile.arena = &o->arena;
    compile.packs = o->packs;
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
static const char *types_of(tdi_options *o, const tdi_step *step) {
    const tdi_quant *quants = o->program->quants;
    tdi_text text = {0};
    if (step->precision != TD_PRECISION_INT8)
        return "";
    for (int i = 0; i < step->input_count; i++)
        tdi_text_append(&text, " %s", td_dtype_name(quants[step->inputs[i]].dtype));
    tdi_text_append(&text, " %s", td_dtype_name(quants[step->output].dtype));
    const char *copy = text.failed ? NULL : tdi_arena_strdup(&o->arena, text.data);
    tdi_text_fini(&text);
    return copy;
}

/* All that the time of the step depends on, besides machine, backend, variant and types. NULL: no
 * memory. */
static char *key_of(const tdi_options *o, const tdi_step *step) {
    tdi_text text = {0};
    if (step->kind != TDI_STEP_CHAIN)
        append_conv(&text, o->program->graph, step);
    for (int i = 0; i < step->stage_count; i++) {
        append_conv(&text, o->program->graph, step->stages[i]);
        tdi_text_append(&text, " > ");
    }
    tdi_text_append(&text, " threads=%d", o->program->threads);
    return tdi_text_take(&text);
}

static int is_known(const tdi_site *s, const tdi_timing *timing) {
    for (int i = 0; i < s->count; i++)
        if (s->options[i].in == timing->in && s->options[i].out == timing->out &&
            s->options[i].time == timing->time)
            return 1;
    return 0;
}

static td_duration best_time(const tdi_site *s) {
    td_duration best = 0;
    for (int i = 0; i < s->count; i++)
        if (best == 0 || s->options[i].time < best)
            best = s->options[i].time;
    return best;
}

/* Times the kernel of a step; no time where it is not possible, or has a layout of its own. */
static td_status measure_step(tdi_options *o, const tdi_step *step, td_duration best,
                              tdi_timing *out, td_error *err) {
    tdi_compile compile = trial_of(o, step->backend);
    tdi_kernel *kernel = NULL;
    size_t inputs = (size_t)step->input_count + 1;
    tdi_format *at_hand = tdi_arena_alloc(&o->arena, inputs * sizeof *at_hand);
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
        status = tdi_trial(&compile, kernel, step->input_count, o->program->threads, best,
                           &out->time, err);
    }
    step->backend->release(&compile, kernel);
    return status;
}

static void report(tdi_options *o, int done) {
    tdi_timings_report(o->timings, (size_t)done, (size_t)o->program->plan.step_count);
    o->reported = 1;
}

/* Adds one way to the site, where it is possible. */
static td_status add_option(tdi_options *o, tdi_site *s, const tdi_step *like,
                            const tdi_backend *backend, int variant, int alone, td_error *err) {
    tdi_step step = *like;
    tdi_timing timing;
    tdi_text key = {0};
    td_status status = TD_OK;
    step.backend = backend;
    step.variant = variant;
    step.alone = alone;
    tdi_text_append(&key, "%s, %s/%d%s", s->key, backend->name, variant, alone ? " alone" : "");
    step.precision = TD_PRECISION_BF16;
    if (variant >= backend->variants(o->program->graph, &step))
        tdi_text_append(&key, "%s", s->types);
    step.precision = like->precision;
    if (key.failed)
        return tdi_fail_memory(err);
    if (!tdi_timings_find(o->timings, key.data, &timing)) {
        report(o, o->looked_at);
        status = measure_step(o, &step, best_time(s), &timing, err);
        if (status == TD_OK)
            status = tdi_timings_add(o->timings, key.data, &timing, err);
    }
    tdi_text_fini(&key);
    if (status == TD_OK && timing.time > 0 && s->count < TDI_OPTIONS_MAX && !is_known(s, &timing))
        s->options[s->count++] = (tdi_option){
            backend, variant, alone, timing.in, timing.out, timing.time, timing.weights_bytes};
    return status;
}

static td_status fill_site(tdi_options *o, tdi_site *s, const tdi_step *step, td_error *err) {
    for (int i = 0; i < TDI_BACKEND_COUNT; i++) {
        const tdi_backend *backend = tdi_backend_at(i);
        if (!backend->variants || !backend->supports(o->program->graph, step->node, step->kind))
            continue;
        int count = backend->variants(o->program->graph, step);
        for (int v = 0; v < count; v++) {
            TD_TRY(add_option(o, s, step, backend, v, 0, err));
            /* Sharing the smallest layers costs more than it gains. */
            if (o->program->threads > 1)
                TD_TRY(add_option(o, s, step, backend, v, 1, err));
        }
    }
    return TD_OK;
}

static int is_same(const tdi_site *s, const char *key, const char *types, td_precision precision) {
    return s->precision == precision && strcmp(s->key, key) == 0 && strcmp(s->types, types) == 0;
}

static td_status find_site(tdi_options *o, int index, td_error *err) {
    const tdi_step *step = &o->program->plan.steps[index];
    const char *types = types_of(o, step);
    char *key = key_of(o, step);
    if (!key || !types) {
        tdi_free(key);
        return tdi_fail_memory(err);
    }
    for (int i = 0; i < index; i++) {
        if (o->sites[i] && is_same(o->sites[i], key, types, step->precision)) {
            o->sites[index] = o->sites[i];
            tdi_free(key);
            return TD_OK;
        }
    }
    tdi_site *s = tdi_arena_alloc(&o->arena, sizeof *s);
    if (s)
        s->key = tdi_arena_strdup(&o->arena, key);
    tdi_free(key);
    if (!s || !s->key)
        return tdi_fail_memory(err);
    s->types = types;
    s->precision = step->precision;
    TD_TRY(fill_site(o, s, step, err));
    if (s->count > 0)
        o->sites[index] = s;
    return TD_OK;
}

static td_status measure_copy(tdi_options *o, int value, tdi_timing *timing, td_error *err) {
    const tdi_value *v = &o->program->graph->values[value];
    const tdi_quant *quant = o->program->quants ? &o->program->quants[value] : NULL;
    const tdi_format from = tdi_form_format(timing->in, quant, &v->shape);
    const tdi_format to = tdi_form_format(timing->out, quant, &v->shape);
    const tdi_backend *backend = tdi_backend_between(&from, &to);
    tdi_compile compile = trial_of(o, backend);
    tdi_kernel *kernel = NULL;
    TD_TRY(backend->convert(&compile, v->dtype, &v->shape, &from, &to, &kernel, err));
    td_status status = tdi_trial(&compile, kernel, 1, o->program->threads, 0, &timing->time, err);
    backend->release(&compile, kernel);
    return status;
}

td_status tdi_options_copy_time(tdi_options *o, int value, int from, int to, td_duration *out,
                                td_error *err) {
    tdi_timing timing = {0, from, to, 0};
    tdi_text key = {0};
    td_status status = TD_OK;
    if (!o->copies[value]) {
        o->copies[value] = tdi_arena_alloc(&o->arena, TDI_FORMS * TDI_FORMS * sizeof **o->copies);
        if (!o->copies[value])
            return tdi_fail_memory(err);
    }
    td_duration *known = &o->copies[value][from * TDI_FORMS + to];
    if (*known == 0) {
        append_shape(&key, "copy ", &o->program->graph->values[value].shape);
        tdi_text_append(&key, " %d to %d threads=%d", from, to, o->program->threads);
        if (key.failed)
            return tdi_fail_memory(err);
        if (!tdi_timings_find(o->timings, key.data, &timing)) {
            status = measure_copy(o, value, &timing, err);
            if (status == TD_OK)
                status = tdi_timings_add(o->timings, key.data, &timing, err);
        }
        tdi_text_fini(&key);
        *known = timing.time > 0 ? timing.time : 1;
    }
    *out = *known;
    return status;
}

static int has_choice(const tdi_step *step) {
    return step->kind == TDI_STEP_CONV || step->kind == TDI_STEP_CHAIN ||
           step->kind == TDI_STEP_DENSE;
}

static td_status find_sites(tdi_options *o, td_error *err) {
    const tdi_plan *plan = &o->program->plan;
    td_status status = TD_OK;
    for (int s = 0; s < plan->step_count && status == TD_OK; s++) {
        o->looked_at = s;
        if (has_choice(&plan->steps[s]))
            status = find_site(o, s, err);
    }
    if (o->reported)
        report(o, plan->step_count);
    return status;
}

td_status tdi_options_init(tdi_options *o, tdi_program *program, tdi_timings *timings,
                           td_error *err) {
    size_t steps = (size_t)program->plan.step_count + 1;
    size_t values = (size_t)program->graph->value_count + 1;
    memset(o, 0, sizeof *o);
    o->program = program;
    o->timings = timings;
    o->packs = tdi_packs_new();
    o->sites = tdi_arena_alloc(&o->arena, steps * sizeof *o->sites);
    o->copies = tdi_arena_alloc(&o->arena, values * sizeof *o->copies);
    if (!o->packs || !o->sites || !o->copies)
        return tdi_fail_memory(err);
    return find_sites(o, err);
}

void tdi_options_fini(tdi_options *o) {
    tdi_packs_unref(o->packs);
    tdi_arena_free(&o->arena);
}
