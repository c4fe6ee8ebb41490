/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statistics must not depend on the number of threads, for their hash names them. So pictures
 * are run in batches, one picture a thread, and after each batch the tensors are dealt out to the
 * threads: every tensor sees all pictures in their order.
 */
#include "lab/calibrate.h"

#include <string.h>

#include "base/pool.h"
#include "media/recipe.h"
#include "tensor/histogram.h"

typedef struct job {
    td_model *model;
    const td_source *source;
    tdi_calibrated *out;
    tdi_program *program;               /* puts out `values` */
    tdi_calibration_builder **builders; /* [tensor] */
    int *values;                        /* calibrated tensors, then the others that have a range */
    size_t value_count;
    tdi_histogram **histograms; /* [value] */
    tdi_run **runs;             /* [thread] */
    int threads;
    size_t batch_first, batch_count;
} job;

static size_t tensor_index(const tdi_calibrated *calibrated, int value) {
    size_t i = 0;
    while (i < calibrated->tensor_count && calibrated->tensors[i] != value)
        i++;
    return i;
}

static td_status add_tensor(job *j, int value, td_error *err) {
    if (tensor_index(j->out, value) < j->out->tensor_count)
        return TD_OK;
    if (tdi_grow(&j->out->tensors, &j->out->tensor_capacity, j->out->tensor_count + 1,
                 sizeof *j->out->tensors))
        return tdi_fail_memory(err);
    j->out->tensors[j->out->tensor_count++] = value;
    return TD_OK;
}

static td_status add_cut(job *j, const tdi_place *place, td_error *err) {
    char *name = tdi_place_name(j->model, place);
    if (!name)
        return tdi_fail_memory(err);
    for (size_t i = 0; i < j->out->cut_count; i++)
        if (!strcmp(j->out->cuts[i].name, name)) {
            tdi_free(name);
            return TD_OK;
        }
    if (tdi_grow(&j->out->cuts, &j->out->cut_capacity, j->out->cut_count + 1,
                 sizeof *j->out->cuts)) {
        tdi_free(name);
        return tdi_fail_memory(err);
    }
    j->out->cuts[j->out->cut_count].place = *place;
    j->out->cuts[j->out->cut_count++].name = name;
    for (int i = 0; i < place->cut.tensor_count; i++)
        TD_TRY(add_tensor(j, place->cut.tensors[i], err));
    return TD_OK;
}

/* Whether features of the cut can be coded: float32, and of a shape that is channels x height x
 * width. */
static td_status check_codable(const job *j, const tdi_place *place, td_error *err) {
    td_layout layouts[TDI_CUT_TENSORS_MAX];
    TD_TRY(tdi_place_layouts(j->model, place, layouts, err));
    for (int i = 0; i < place->cut.tensor_count; i++)
        if (layouts[i].dtype != TD_DTYPE_F32)
            return tdi_fail(err, TD_UNSUPPORTED, "tensor %s is %s: only float32 can be calibrated",
                            j->model->graph->values[place->cut.tensors[i]].name,
                            td_dtype_name(layouts[i].dtype));
    return TD_OK;
}

static td_status choose_named(job *j, const tdi_calibrate_settings *settings, td_error *err) {
    for (size_t i = 0; i < settings->cut_count; i++) {
        tdi_place place;
        TD_TRY(tdi_place_resolve(j->model, settings->cuts[i], &place, err));
        if (place.kind == TDI_PLACE_INPUT)
            return tdi_fail(err, TD_ARGUMENT, "the cut `input` needs no calibration: leave it out");
        TD_TRY(check_codable(j, &place, err));
        TD_TRY(add_cut(j, &place, err));
    }
    return TD_OK;
}

/* Every single-tensor cut; those whose tensor cannot be coded are no use to anybody and left out.
 */
static td_status choose_all(job *j, td_error *err) {
    for (size_t i = 0; i < td_model_cut_count(j->model); i++) {
        td_cut_info info;
        tdi_place place;
        td_model_cut(j->model, i, &info);
        TD_TRY(tdi_place_resolve(j->model, info.name, &place, err));
        if (place.kind != TDI_PLACE_TENSORS || check_codable(j, &place, NULL) != TD_OK)
            continue;
        TD_TRY(add_cut(j, &place, err));
    }
    return TD_OK;
}

static td_status choose_values(job *j, td_error *err) {
    const tdi_graph *graph = j->model->graph;
    j->values = tdi_calloc((size_t)graph->value_count + 1, sizeof *j->values);
    if (!j->values)
        return tdi_fail_memory(err);
    for (size_t i = 0; i < j->out->tensor_count; i++)
        j->values[j->value_count++] = j->out->tensors[i];
    for (int v = 0; v < graph->value_count; v++)
        if (tdi_value_has_range(&graph->values[v]) &&
            tensor_index(j->out, v) == j->out->tensor_count)
            j->values[j->value_count++] = v;
    return TD_OK;
}

static td_status open_program(job *j, td_error *err) {
    const tdi_graph *graph = j->model->graph;
    const tdi_program_settings settings = {.batch = 1, .threads = 1, .packs = j->model->packs};
    tdi_graph *taps = NULL;
    TD_TRY(tdi_graph_extract(graph, graph->inputs, graph->input_count, j->values,
                             (int)j->value_count, &taps, err));
    td_status status = tdi_program_new(taps, &settings, &j->program, err);
    tdi_graph_free(taps);
    return status;
}

static td_status open_runs(job *j, td_error *err) {
    j->runs = tdi_calloc((size_t)j->threads, sizeof *j->runs);
    if (!j->runs)
        return tdi_fail_memory(err);
    for (int i = 0; i < j->threads; i++)
        TD_TRY(tdi_run_new(j->program, &j->runs[i], err));
    return TD_OK;
}

static td_status open_builders(job *j, td_error *err) {
    j->builders = tdi_calloc(j->out->tensor_count, sizeof *j->builders);
    if (!j->builders)
        return tdi_fail_memory(err);
    for (size_t i = 0; i < j->out->tensor_count; i++) {
        const tdi_value *value = &j->model->graph->values[j->out->tensors[i]];
        td_layout layout;
        TD_TRY(td_layout_from_shape(&value->shape, value->dtype, &layout, err));
        j->builders[i] = tdi_calibration_builder_new(value->name, &layout);
        if (!j->builders[i])
            return tdi_fail_memory(err);
    }
    return TD_OK;
}

static td_status open_histograms(job *j, td_error *err) {
    j->histograms = tdi_calloc(j->value_count + 1, sizeof *j->histograms);
    if (!j->histograms)
        return tdi_fail_memory(err);
    for (size_t i = 0; i < j->value_count; i++) {
        j->histograms[i] = tdi_histogram_new();
        if (!j->histograms[i])
            return tdi_fail_memory(err);
    }
    return TD_OK;
}

static td_status run_picture(void *user, int worker, size_t item, td_error *err) {
    job *j = user;
    size_t index = j->batch_first + item;
    td_picture picture = {0}, fitted = {0};
    (void)worker;
    TD_TRY(td_source_read(j->source, index, &picture, NULL, err));
    td_status status = td_recipe_fit(&j->model->recipe, &picture, &fitted, err);
    td_picture_clear(&picture);
    if (status)
        return status;
    j->out->hashes[index] = tdi_picture_hash(&fitted);
    tdi_recipe_apply(&j->model->recipe, fitted.pixels, tdi_run_input(j->runs[item], 0));
    status = tdi_run_execute(j->runs[item], err);
    td_picture_clear(&fitted);
    return status;
}

static td_status add_to_tensor(void *user, int worker, size_t item, td_error *err) {
    job *j = user;
    (void)worker;
    (void)err;
    for (size_t i = 0; i < j->batch_count; i++)
        tdi_calibration_builder_add(j->builders[item], tdi_run_output(j->runs[i], (int)item));
    return TD_OK;
}

static td_status add_to_histogram(void *user, int worker, size_t item, td_error *err) {
    job *j = user;
    (void)worker;
    (void)err;
    for (size_t i = 0; i < j->batch_count; i++)
        tdi_histogram_add(j->histograms[item], tdi_run_output(j->runs[i], (int)item),
                          tdi_run_output_bytes(j->runs[i], (int)item) / sizeof(float));
    return TD_OK;
}

static td_status run_batches(job *j, const tdi_calibrate_settings *settings, td_error *err) {
    for (j->batch_first = 0; j->batch_first < j->out->picture_count;
         j->batch_first += j->batch_count) {
        size_t left = j->out->picture_count - j->batch_first;
        j->batch_count = left < (size_t)j->threads ? left : (size_t)j->threads;
        TD_TRY(
            tdi_pool_run(j->threads, j->batch_count, run_picture, j, "pictures", NULL, NULL, err));
        TD_TRY(tdi_pool_run(j->threads, j->out->tensor_count, add_to_tensor, j, "tensors", NULL,
                            NULL, err));
        TD_TRY(tdi_pool_run(j->threads, j->value_count, add_to_histogram, j, "tensors", NULL, NULL,
                            err));
        if (settings->progress &&
            settings->progress("pictures", j->batch_first + j->batch_count, j->out->picture_count,
                               settings->progress_user))
            return tdi_fail(err, TD_CANCELLED, "cancelled after %zu of %zu pictures",
                            j->batch_first + j->batch_count, j->out->picture_count);
    }
    return TD_OK;
}

static td_status find_ranges(job *j, td_error *err) {
    for (size_t i = 0; i < j->value_count; i++) {
        float low, high;
        tdi_histogram_range(j->histograms[i], &low, &high);
        TD_TRY(tdi_ranges_add(&j->out->ranges, j->model->graph->values[j->values[i]].name, low,
                              high, err));
    }
    return TD_OK;
}

static td_status calibrate(job *j, const tdi_calibrate_settings *settings, td_error *err) {
    tdi_calibrated *out = j->out;
    TD_TRY(settings->cut_count ? choose_named(j, settings, err) : choose_all(j, err));
    out->hashes = tdi_calloc(out->picture_count, sizeof *out->hashes);
    out->calibrations = tdi_calloc(out->tensor_count + 1, sizeof *out->calibrations);
    if (!out->hashes || !out->calibrations)
        return tdi_fail_memory(err);
    TD_TRY(choose_values(j, err));
    TD_TRY(open_program(j, err));
    TD_TRY(open_runs(j, err));
    TD_TRY(open_builders(j, err));
    TD_TRY(open_histograms(j, err));
    TD_TRY(run_batches(j, settings, err));
    for (size_t i = 0; i < out->tensor_count; i++) {
        TD_TRY(tdi_calibration_builder_finish(j->builders[i], &out->calibrations[i], err));
        tdi_calibration_builder_free(j->builders[i]);
        j->builders[i] = NULL;
    }
    return find_ranges(j, err);
}

static void job_fini(job *j) {
    for (int i = 0; j->runs && i < j->threads; i++)
        tdi_run_free(j->runs[i]);
    for (size_t i = 0; j->builders && i < j->out->tensor_count; i++)
        tdi_calibration_builder_free(j->builders[i]);
    for (size_t i = 0; j->histograms && i < j->value_count; i++)
        tdi_free(j->histograms[i]);
    tdi_program_unref(j->program);
    tdi_free(j->histograms);
    tdi_free(j->values);
    tdi_free(j->runs);
    tdi_free(j->builders);
}

td_status tdi_calibrate(const tdi_calibrate_settings *settings, tdi_calibrated *out,
                        td_error *err) {
    job j;
    memset(&j, 0, sizeof j);
    memset(out, 0, sizeof *out);
    j.model = settings->model;
    j.source = settings->source;
    j.threads = settings->threads;
    j.out = out;
    out->picture_count = td_source_count(settings->source);
    td_status status = calibrate(&j, settings, err);
    job_fini(&j);
    if (status)
        tdi_calibrated_clear(out);
    return status;
}

void tdi_calibrated_clear(tdi_calibrated *calibrated) {
    for (size_t i = 0; calibrated->calibrations && i < calibrated->tensor_count; i++)
        td_calibration_unref(calibrated->calibrations[i]);
    for (size_t i = 0; i < calibrated->cut_count; i++)
        tdi_free(calibrated->cuts[i].name);
    tdi_free(calibrated->calibrations);
    tdi_free(calibrated->cuts);
    tdi_free(calibrated->tensors);
    tdi_free(calibrated->hashes);
    tdi_ranges_clear(&calibrated->ranges);
    memset(calibrated, 0, sizeof *calibrated);
}

td_calibration *tdi_calibrated_tensor(const tdi_calibrated *calibrated, int value) {
    return calibrated->calibrations[tensor_index(calibrated, value)];
}
