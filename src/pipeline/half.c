/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two halves of a network at a cut. At `input` the head is the fitting of the picture alone; at
 * `output` the tail hands the features through.
 */
#include <string.h>

#include "base/pool.h"
#include "media/recipe.h"
#include "pipeline/model.h"

#define THREADS_MAX 64

td_half_settings td_half_settings_default(void) {
    const td_half_settings settings = {1, TD_PRECISION_F32};
    return settings;
}

int td_precision_available(td_precision precision) {
    return tdi_engine_computes(precision);
}

td_status td_model_precision(const td_model *model, td_precision wanted, td_precision *out,
                             td_error *err) {
    *out = tdi_engine_computes(wanted) ? wanted : TD_PRECISION_F32;
    if (*out == TD_PRECISION_INT8 && model->ranges.count == 0)
        return tdi_fail(err, TD_NOT_FOUND,
                        "%s has no ranges of its tensors, which int8 needs: make the bundle (anew) "
                        "with `tandem prepare`",
                        model->name);
    return TD_OK;
}

td_status tdi_half_resolve(const td_model *model, const td_half_settings *wanted,
                           td_half_settings *out, td_error *err) {
    *out = wanted ? *wanted : td_half_settings_default();
    if (out->threads < 0 || out->threads > THREADS_MAX)
        return tdi_fail(err, TD_ARGUMENT, "threads must be 0..%d, not %d", THREADS_MAX,
                        out->threads);
    if (out->threads == 0)
        out->threads = tdi_cpu_count() < THREADS_MAX ? tdi_cpu_count() : THREADS_MAX;
    return td_model_precision(model, out->precision, &out->precision, err);
}

struct td_head {
    td_model *model;
    tdi_place place;
    td_layout layouts[TDI_CUT_TENSORS_MAX];
    tdi_program *program; /* NULL at `input` */
    tdi_run *run;
    td_picture fitted; /* of the last frame, at `input` */
};

td_status td_head_open(td_model *model, const char *cut, const td_half_settings *settings,
                       td_head **out, td_error *err) {
    td_half_settings resolved;
    TD_TRY(tdi_half_resolve(model, settings, &resolved, err));
    td_head *head = tdi_calloc(1, sizeof *head);
    if (!head)
        return tdi_fail_memory(err);
    head->model = td_model_ref(model);
    td_status status = tdi_model_check_pictures(model, err);
    if (status || (status = tdi_place_resolve(model, cut, &head->place, err)) ||
        (status = tdi_place_layouts(model, &head->place, head->layouts, err)))
        goto fail;
    if (head->place.kind != TDI_PLACE_INPUT) {
        tdi_part part = head->place.kind == TDI_PLACE_OUTPUT ? TDI_PART_WHOLE : TDI_PART_HEAD;
        if ((status = tdi_model_program(model, part, &head->place, &resolved, &head->program,
                                        err)) ||
            (status = tdi_run_new(head->program, &head->run, err)))
            goto fail;
    }
    *out = head;
    return TD_OK;
fail:
    td_head_close(head);
    return status;
}

void td_head_close(td_head *head) {
    if (!head)
        return;
    td_picture_clear(&head->fitted);
    tdi_run_free(head->run);
    tdi_model_program_release(head->model, head->program);
    td_model_unref(head->model);
    tdi_free(head);
}

size_t td_head_tensor_count(const td_head *head) {
    return (size_t)head->place.cut.tensor_count;
}

td_layout td_head_layout(const td_head *head, size_t index) {
    const td_layout none = {TD_DTYPE_NONE, TD_ORDER_CHW, 0, 0, 0};
    return index < td_head_tensor_count(head) ? head->layouts[index] : none;
}

td_status td_head_run(td_head *head, const td_picture *picture, const void **features,
                      td_error *err) {
    td_picture_clear(&head->fitted);
    TD_TRY(td_recipe_fit(&head->model->recipe, picture, &head->fitted, err));
    if (!head->run) {
        features[0] = head->fitted.pixels;
        return TD_OK;
    }
    tdi_recipe_apply(&head->model->recipe, head->fitted.pixels, tdi_run_input(head->run, 0));
    td_picture_clear(&head->fitted);
    TD_TRY(tdi_run_execute(head->run, err));
    for (int i = 0; i < head->place.cut.tensor_count; i++)
        features[i] = tdi_run_output(head->run, i);
    return TD_OK;
}

struct td_tail {
    td_model *model;
    tdi_place place;
    tdi_program *program; /* NULL at `output` */
    tdi_run *run;
    float **copies; /* of the features, at `output` */
    size_t output_count;
    int64_t *output_elements;
};

static td_status open_outputs(td_tail *tail, td_error *err) {
    const tdi_graph *graph = tail->model->graph;
    tail->output_count = (size_t)graph->output_count;
    tail->output_elements = tdi_calloc(tail->output_count, sizeof *tail->output_elements);
    if (!tail->output_elements)
        return tdi_fail_memory(err);
    for (size_t i = 0; i < tail->output_count; i++) {
        const tdi_value *value = &graph->values[graph->outputs[i]];
        if (value->dtype != TD_DTYPE_F32)
            return tdi_fail(err, TD_UNSUPPORTED,
                            "output %s of %s is %s: only float32 outputs can be read", value->name,
                            tail->model->name, td_dtype_name(value->dtype));
        tail->output_elements[i] = td_shape_elements(&value->shape);
    }
    return TD_OK;
}

static td_status open_copies(td_tail *tail, td_error *err) {
    tail->copies = tdi_calloc(tail->output_count, sizeof *tail->copies);
    if (!tail->copies)
        return tdi_fail_memory(err);
    for (size_t i = 0; i < tail->output_count; i++) {
        tail->copies[i] = tdi_calloc((size_t)tail->output_elements[i], sizeof **tail->copies);
        if (!tail->copies[i])
            return tdi_fail_memory(err);
    }
    return TD_OK;
}

td_status td_tail_open(td_model *model, const char *cut, const td_half_settings *settings,
                       td_tail **out, td_error *err) {
    td_half_settings resolved;
    TD_TRY(tdi_half_resolve(model, settings, &resolved, err));
    td_tail *tail = tdi_calloc(1, sizeof *tail);
    if (!tail)
        return tdi_fail_memory(err);
    tail->model = td_model_ref(model);
    td_status status = tdi_place_resolve(model, cut, &tail->place, err);
    if (status || (status = open_outputs(tail, err)))
        goto fail;
    if (tail->place.kind == TDI_PLACE_OUTPUT) {
        status = open_copies(tail, err);
    } else {
        tdi_part part = tail->place.kind == TDI_PLACE_INPUT ? TDI_PART_WHOLE : TDI_PART_TAIL;
        if (tail->place.kind == TDI_PLACE_INPUT)
            status = tdi_model_check_pictures(model, err);
        if (!status)
            status = tdi_model_program(model, part, &tail->place, &resolved, &tail->program, err);
        if (!status)
            status = tdi_run_new(tail->program, &tail->run, err);
    }
    if (status)
        goto fail;
    *out = tail;
    return TD_OK;
fail:
    td_tail_close(tail);
    return status;
}

void td_tail_close(td_tail *tail) {
    if (!tail)
        return;
    for (size_t i = 0; tail->copies && i < tail->output_count; i++)
        tdi_free(tail->copies[i]);
    tdi_free(tail->copies);
    tdi_free(tail->output_elements);
    tdi_run_free(tail->run);
    tdi_model_program_release(tail->model, tail->program);
    td_model_unref(tail->model);
    tdi_free(tail);
}

size_t td_tail_output_count(const td_tail *tail) {
    return tail->output_count;
}

int64_t td_tail_output_elements(const td_tail *tail, size_t index) {
    return index < tail->output_count ? tail->output_elements[index] : 0;
}

static void fill_inputs(td_tail *tail, const void *const *features) {
    if (tail->place.kind == TDI_PLACE_INPUT) {
        tdi_recipe_apply(&tail->model->recipe, features[0], tdi_run_input(tail->run, 0));
        return;
    }
    for (int i = 0; i < tail->place.cut.tensor_count; i++)
        memcpy(tdi_run_input(tail->run, i), features[i], tdi_run_input_bytes(tail->run, i));
}

td_status td_tail_run(td_tail *tail, const void *const *features, const float **outputs,
                      td_error *err) {
    if (!tail->run) {
        for (size_t i = 0; i < tail->output_count; i++) {
            memcpy(tail->copies[i], features[i], (size_t)tail->output_elements[i] * sizeof(float));
            outputs[i] = tail->copies[i];
        }
        return TD_OK;
    }
    fill_inputs(tail, features);
    TD_TRY(tdi_run_execute(tail->run, err));
    for (size_t i = 0; i < tail->output_count; i++)
        outputs[i] = tdi_run_output(tail->run, (int)i);
    return TD_OK;
}
