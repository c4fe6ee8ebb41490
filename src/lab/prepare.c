/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a bundle: the model, its recipe and labels, and the statistics that calibrate.c gathers.
 */
#define TANDEM_UNSTABLE
#include <tandem/lab.h>

#include <string.h>

#include "base/file.h"
#include "base/pool.h"
#include "bundle/name.h"
#include "codec/strategy.h"
#include "graph/onnx/onnx.h"
#include "lab/calibrate.h"

#define LABELS_BYTES_MAX ((size_t)64 << 20)

td_prepare_settings td_prepare_settings_default(void) {
    td_prepare_settings settings;
    memset(&settings, 0, sizeof settings);
    return settings;
}

static td_status write_cut(const tdi_calibrated *calibrated, const tdi_calibrated_cut *cut,
                           tdi_bundle_writer *writer, td_error *err) {
    td_status status = TD_OK;
    size_t count = (size_t)cut->place.cut.tensor_count;
    tdi_calibration_set set = {0};
    set.cut = tdi_strdup(cut->name);
    set.tensors = tdi_calloc(count, sizeof *set.tensors);
    if (!set.cut || !set.tensors) {
        status = tdi_fail_memory(err);
        goto end;
    }
    for (; set.tensor_count < count; set.tensor_count++) {
        int value = cut->place.cut.tensors[set.tensor_count];
        set.tensors[set.tensor_count] = td_calibration_ref(
            tdi_calibrated_tensor(calibrated, value));
    }
    status = tdi_bundle_writer_calibration(writer, &set, err);
end:
    tdi_calibration_set_clear(&set);
    return status;
}

/* The file as it is where it stands alone; written anew where its weights are in other files, or
 * where sizes were bound that it leaves open. */
static td_status write_model(const td_model *model, const char *path, tdi_bundle_writer *writer,
                             td_error *err) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    tdi_graph *alone = NULL;
    TD_TRY(tdi_file_read(path, TDI_ONNX_BYTES_MAX, &bytes, &size, err));
    td_status status = tdi_onnx_parse_open(bytes, size, NULL, &alone, NULL);
    tdi_graph_free(alone);
    if (status || model->bound) {
        tdi_free(bytes);
        bytes = NULL;
        TD_TRY(tdi_onnx_write(model->graph, &bytes, &size, err));
    }
    status = tdi_bundle_writer_add(writer, "model.onnx", bytes, size, err);
    tdi_free(bytes);
    return status;
}

/* Reads the label file once more for what it must hold: one line a class. */
static td_status write_labels(const td_model *model, const char *path, tdi_bundle_writer *writer,
                              td_error *err) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    tdi_labels *labels = NULL;
    const tdi_graph *graph = model->graph;
    TD_TRY(tdi_file_read(path, LABELS_BYTES_MAX, &bytes, &size, err));
    td_status status = tdi_labels_parse((const char *)bytes, size, &labels, err);
    if (status) {
        tdi_fail_prefix(err, status, "%s", path);
        goto end;
    }
    size_t count = tdi_labels_count(labels);
    int64_t classes = td_shape_elements(&graph->values[graph->outputs[0]].shape);
    if (model->output_kind != TD_OUTPUT_RAW && (int64_t)count != classes) {
        status = tdi_fail(err, TD_MISMATCH,
                          "%s has %zu labels but output %s of %s has %lld classes", path, count,
                          graph->values[graph->outputs[0]].name, model->name, (long long)classes);
        goto end;
    }
    status = tdi_bundle_writer_add(writer, "labels.txt", bytes, size, err);
end:
    tdi_labels_free(labels);
    tdi_free(bytes);
    return status;
}

/* What the user means where they name nothing, as it is written into the bundle. */
typedef struct defaults {
    char *cut, *strategy; /* NULL: none */
} defaults;

static int will_be_calibrated(const td_model *model, const td_prepare_settings *settings,
                              const tdi_place *place, const char *name) {
    int found = settings->cut_count == 0 && place->kind == TDI_PLACE_TENSORS &&
                place->cut.tensor_count == 1;
    for (size_t i = 0; i < settings->cut_count && !found; i++) {
        tdi_place other;
        if (tdi_place_resolve(model, settings->cuts[i], &other, NULL))
            continue; /* told when the cuts are calibrated */
        char *other_name = tdi_place_name(model, &other);
        found = other_name && !strcmp(other_name, name);
        tdi_free(other_name);
    }
    return found;
}

static td_status choose_default_strategy(const td_model *model, const td_prepare_settings *settings,
                                         const tdi_place *place, defaults *out, td_error *err) {
    const char *text = settings->default_strategy;
    tdi_strategy strategy;
    td_layout layouts[TDI_CUT_TENSORS_MAX];
    TD_TRY(tdi_strategy_parse(text, &strategy, err));
    int uses_calibration = tdi_strategy_uses_calibration(&strategy);
    TD_TRY(tdi_place_layouts(model, place, layouts, err));
    for (int i = 0; i < place->cut.tensor_count; i++) {
        td_codec *codec = NULL;
        td_status status = td_codec_open(text, &layouts[i], NULL, &codec, err);
        td_codec_close(codec);
        if (status && !(status == TD_NOT_FOUND && uses_calibration))
            return tdi_fail_prefix(err, status, "default strategy \"%s\" at cut %s", text,
                                   out->cut);
    }
    if (uses_calibration && !will_be_calibrated(model, settings, place, out->cut))
        return tdi_fail(
            err, TD_ARGUMENT,
            "default strategy \"%s\" needs the calibration of cut %s: name it among the "
            "cuts to calibrate, or give the interval with min= and max=",
            text, out->cut);
    out->strategy = tdi_strategy_format(&strategy);
    return out->strategy ? TD_OK : tdi_fail_memory(err);
}

static td_status choose_defaults(const td_model *model, const td_prepare_settings *settings,
                                 defaults *out, td_error *err) {
    tdi_place place;
    if (!settings->default_cut)
        return settings->default_strategy
                   ? tdi_fail(err, TD_ARGUMENT,
                              "a default strategy needs the default cut that it is for")
                   : TD_OK;
    TD_TRY(tdi_place_resolve(model, settings->default_cut, &place, err));
    out->cut = tdi_place_name(model, &place);
    if (!out->cut)
        return tdi_fail_memory(err);
    return settings->default_strategy ? choose_default_strategy(model, settings, &place, out, err)
                                      : TD_OK;
}

static td_status write_bundle(const td_model *model, const td_prepare_settings *settings,
                              const tdi_calibrated *calibrated, const defaults *meant, char *name,
                              tdi_bundle_writer *writer, td_error *err) {
    static char model_path[] = "model.onnx", labels_path[] = "labels.txt",
                pictures_path[] = TDI_BUNDLE_PICTURES_PATH, ranges_path[] = TDI_BUNDLE_RANGES_PATH;
    tdi_bundle about;
    memset(&about, 0, sizeof about);
    about.name = name;
    about.version = 1;
    about.recipe = model->recipe;
    about.output_kind = model->output_kind;
    about.default_cut = meant->cut;
    about.default_codec = meant->strategy;
    about.model_path = model_path;
    about.labels_path = settings->labels ? labels_path : NULL;
    about.pictures_path = pictures_path;
    about.ranges_path = ranges_path;
    TD_TRY(write_model(model, settings->model, writer, err));
    TD_TRY(tdi_bundle_writer_pictures(writer, calibrated->hashes, calibrated->picture_count, err));
    TD_TRY(tdi_bundle_writer_ranges(writer, &calibrated->ranges, err));
    for (size_t i = 0; i < calibrated->cut_count; i++)
        TD_TRY(write_cut(calibrated, &calibrated->cuts[i], writer, err));
    return tdi_bundle_writer_finish(writer, &about, err);
}

static td_status check_name(const char *name, const td_prepare_settings *settings, td_error *err) {
    if (tdi_bundle_name_valid(name))
        return TD_OK;
    return tdi_fail(
        err, TD_ARGUMENT,
        "\"%s\" cannot be the name of a bundle, which is 1 to %d of A-Z a-z 0-9 . _ - and "
        "does not begin with a dot: %s",
        name, TDI_BUNDLE_NAME_BYTES_MAX, settings->name ? "give another" : "give one with --name");
}

static td_status open_model(const td_prepare_settings *settings, td_model **out, td_error *err) {
    if (tdi_path_is_folder(settings->model))
        return tdi_fail(err, TD_ARGUMENT, "%s is a folder: prepare takes an .onnx file",
                        settings->model);
    TD_TRY(td_model_open_with(settings->model, &settings->opening, out, err));
    td_recipe recipe = (*out)->recipe;
    if (settings->recipe)
        TD_TRY(td_recipe_parse(settings->recipe, &recipe, err));
    TD_TRY(tdi_model_set_recipe(*out, &recipe, err));
    if (settings->has_output_kind)
        (*out)->output_kind = settings->output_kind;
    return TD_OK;
}

static td_status calibrate(td_model *model, const td_prepare_settings *settings,
                           tdi_calibrated *out, td_error *err) {
    tdi_calibrate_settings calibration;
    memset(&calibration, 0, sizeof calibration);
    calibration.model = model;
    calibration.source = settings->pictures;
    calibration.cuts = settings->cuts;
    calibration.cut_count = settings->cut_count;
    calibration.threads = settings->threads > 0 ? settings->threads : tdi_cpu_count();
    calibration.progress = settings->progress;
    calibration.progress_user = settings->progress_user;
    return tdi_calibrate(&calibration, out, err);
}

td_status td_prepare(const td_prepare_settings *settings, td_error *err) {
    td_model *model = NULL;
    tdi_bundle_writer *writer = NULL;
    tdi_calibrated calibrated;
    defaults meant = {NULL, NULL};
    memset(&calibrated, 0, sizeof calibrated);
    if (!settings->model || !settings->bundle || !settings->pictures)
        return tdi_fail(err, TD_ARGUMENT, "td_prepare: model, bundle and pictures must be set");
    if (!settings->replace && tdi_path_exists(settings->bundle))
        return tdi_fail(
            err, TD_ARGUMENT,
            "%s exists already: choose another place, or replace a bundle there with --force",
            settings->bundle);
    char *name = settings->name ? tdi_strdup(settings->name) : tdi_path_stem(settings->bundle, "");
    td_status status = name ? open_model(settings, &model, err) : tdi_fail_memory(err);
    if (!status)
        status = tdi_bundle_writer_new(settings->bundle, settings->replace, &writer, err);
    /* Before the long part, so that mistakes are told at once. */
    if (!status)
        status = check_name(name, settings, err);
    if (!status)
        status = choose_defaults(model, settings, &meant, err);
    if (!status && settings->labels)
        status = write_labels(model, settings->labels, writer, err);
    if (!status)
        status = calibrate(model, settings, &calibrated, err);
    if (!status)
        status = write_bundle(model, settings, &calibrated, &meant, name, writer, err);
    tdi_bundle_writer_free(writer);
    tdi_calibrated_clear(&calibrated);
    td_model_unref(model);
    tdi_free(meant.cut);
    tdi_free(meant.strategy);
    tdi_free(name);
    return status;
}
