/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening models, from ONNX files and from bundles: what recipe and output kind they have, and
 * whether pictures fit. What can be asked about a model is in overview.c and cut_table.c.
 */
#include <string.h>

#include "base/file.h"
#include "graph/bind.h"
#include "graph/onnx/onnx.h"
#include "graph/op.h"
#include "media/recipe.h"
#include "pipeline/model.h"

static td_output_kind output_kind_of(const tdi_graph *graph) {
    const tdi_value *output = &graph->values[graph->outputs[0]];
    if (output->producer >= 0 && !strcmp(graph->nodes[output->producer].op->type, "Softmax"))
        return TD_OUTPUT_PROBABILITIES;
    return output->shape.rank == 2 ? TD_OUTPUT_LOGITS : TD_OUTPUT_RAW;
}

/* The one input's shape, or NULL where there is not exactly one of four axes with 1 or 3 channels.
 */
static const td_shape *picture_shape(const tdi_graph *graph) {
    if (graph->input_count != 1)
        return NULL;
    const tdi_value *input = &graph->values[graph->inputs[0]];
    const td_shape *shape = &input->shape;
    if (input->dtype != TD_DTYPE_F32 || shape->rank != 4 || shape->dim[0] != 1)
        return NULL;
    if (shape->dim[1] != 1 && shape->dim[1] != 3)
        return NULL;
    if (shape->dim[2] < 1 || shape->dim[3] < 1 || shape->dim[2] > TD_PICTURE_SIDE_MAX ||
        shape->dim[3] > TD_PICTURE_SIDE_MAX)
        return NULL;
    return shape;
}

td_status tdi_model_check_pictures(const td_model *model, td_error *err) {
    const tdi_graph *graph = model->graph;
    const td_shape *input = &graph->values[graph->inputs[0]].shape;
    if (graph->input_count == 1 && input->rank == 4 && input->dim[0] > 1)
        return tdi_fail(err, TD_UNSUPPORTED,
                        "%s takes batches of %lld: export it with a batch of 1, or a symbolic one",
                        model->name, (long long)input->dim[0]);
    const td_shape *shape = picture_shape(graph);
    if (!shape)
        return tdi_fail(
            err, TD_UNSUPPORTED,
            "%s cannot run pictures: that needs one float32 input N x C x H x W with 1 or 3 "
            "channels",
            model->name);
    const td_recipe *recipe = &model->recipe;
    if (tdi_recipe_channels(recipe) != shape->dim[1])
        return tdi_fail(
            err, TD_MISMATCH,
            "%s takes %d channel(s) but its recipe gives %d: set color=rgb, bgr or gray",
            model->name, (int)shape->dim[1], tdi_recipe_channels(recipe));
    if (recipe->height != shape->dim[2] || recipe->width != shape->dim[3])
        return tdi_fail(err, TD_MISMATCH,
                        "%s takes pictures of %dx%d but its recipe gives %dx%d: leave size out",
                        model->name, (int)shape->dim[3], (int)shape->dim[2], (int)recipe->width,
                        (int)recipe->height);
    return TD_OK;
}

static void set_recipe(td_model *model, const td_recipe *recipe) {
    const td_shape *shape = picture_shape(model->graph);
    model->recipe = *recipe;
    if (shape && model->recipe.width == 0 && model->recipe.height == 0) {
        model->recipe.height = (int32_t)shape->dim[2];
        model->recipe.width = (int32_t)shape->dim[3];
    }
}

td_status tdi_model_set_recipe(td_model *model, const td_recipe *recipe, td_error *err) {
    set_recipe(model, recipe);
    return tdi_model_check_pictures(model, err);
}

static td_status default_recipe(const tdi_graph *graph, td_recipe *out, td_error *err) {
    const td_shape *shape = picture_shape(graph);
    return td_recipe_parse(shape && shape->dim[1] == 1 ? "color=gray" : "torch", out, err);
}

const char *tdi_default_cut(const tdi_bundle *bundle, const char *fallback) {
    return bundle && bundle->default_cut ? bundle->default_cut : fallback;
}

const char *tdi_default_strategy(const tdi_bundle *bundle, const char *cut) {
    if (bundle && bundle->default_cut && bundle->default_codec && !strcmp(bundle->default_cut, cut))
        return bundle->default_codec;
    return strcmp(cut, "input") ? "raw" : "picture+jpeg:quality=90";
}

static void model_free(td_model *model) {
    if (!model)
        return;
    tdi_calibration_table_free(model->calibrations);
    tdi_program_table_free(model->programs);
    tdi_cut_table_free(model->cuts);
    tdi_overview_free(model->overview);
    tdi_packs_unref(model->packs);
    if (!model->origin) {
        tdi_labels_free(model->labels);
        tdi_ranges_clear(&model->ranges);
    }
    td_model_unref(model->origin);
    tdi_bundle_free(model->bundle);
    tdi_graph_free(model->graph);
    tdi_graph_free(model->open);
    tdi_free(model->name);
    tdi_free(model);
}

/* Whether a size that the file leaves open was bound; the number of pictures does not count. */
static int is_bound(const tdi_graph *open, const tdi_graph *graph) {
    for (int i = 0; i < open->input_count; i++) {
        const td_shape *shape = &open->values[open->inputs[i]].shape;
        for (int axis = 0; axis < shape->rank; axis++)
            if (shape->dim[axis] < 0 && (axis > 0 || !graph->values[graph->inputs[i]].batched))
                return 1;
    }
    return 0;
}

/* What follows from the graph. */
static td_status describe(td_model *model, td_error *err) {
    const tdi_graph *graph = model->graph;
    td_recipe recipe;
    if (graph->input_count < 1 || graph->output_count < 1)
        return tdi_fail(err, TD_UNSUPPORTED, "%s has no %s", model->name,
                        graph->input_count < 1 ? "inputs" : "outputs");
    TD_TRY(tdi_engine_check(graph, err));
    model->bound = is_bound(model->open, graph);
    model->output_kind = output_kind_of(graph);
    TD_TRY(default_recipe(graph, &recipe, err));
    set_recipe(model, &recipe);
    TD_TRY(tdi_overview_new(model, &model->overview, err));
    return tdi_cut_table_new(model, &model->cuts, err);
}

/* An open graph with its sizes bound, both of them. */
typedef struct graphs {
    tdi_graph *open, *bound;
} graphs;

static td_status graphs_bind(graphs *g, const td_model_settings *settings, td_error *err) {
    td_status status = tdi_graph_bind(g->open, settings ? settings->input_shapes : NULL,
                                      settings ? settings->input_shape_count : 0, &g->bound, err);
    if (status) {
        tdi_graph_free(g->open);
        g->open = NULL;
    }
    return status;
}

/* A model around graphs, which it takes over even on failure, as it does `name`. `packs` NULL: its
 * own. */
static td_status model_new(const graphs *g, char *name, tdi_packs *packs, td_model **out,
                           td_error *err) {
    td_model *model = tdi_calloc(1, sizeof *model);
    if (!model) {
        tdi_graph_free(g->open);
        tdi_graph_free(g->bound);
        tdi_free(name);
        return tdi_fail_memory(err);
    }
    tdi_refcount_take(&model->references);
    model->open = g->open;
    model->graph = g->bound;
    model->name = name;
    model->packs = packs ? tdi_packs_ref(packs) : tdi_packs_new();
    model->programs = tdi_program_table_new();
    model->calibrations = tdi_calibration_table_new();
    td_status status = TD_OK;
    if (!name || !model->packs || !model->programs || !model->calibrations)
        status = tdi_fail_memory(err);
    if (!status)
        status = describe(model, err);
    if (!status)
        *out = model;
    else
        model_free(model);
    return status;
}

td_status tdi_model_from_bundle(tdi_bundle *bundle, const td_model_settings *settings,
                                td_model **out, td_error *err) {
    tdi_backing *backing = NULL;
    graphs g = {NULL, NULL};
    td_model *model = NULL;
    int file = tdi_bundle_file_find(bundle, bundle->model_path);
    if (file < 0)
        return tdi_fail(err, TD_FORMAT, "bundle %s does not list its model file %s", bundle->name,
                        bundle->model_path);
    TD_TRY(tdi_bundle_file_open(bundle, (size_t)file, &backing, err));
    td_status status = tdi_onnx_read_open(backing, NULL, &g.open, err);
    tdi_backing_unref(backing);
    if (!status)
        status = graphs_bind(&g, settings, err);
    if (status)
        return tdi_fail_prefix(err, status, "%s of bundle %s", bundle->model_path, bundle->name);
    if ((status = model_new(&g, tdi_strdup(bundle->name), NULL, &model, err)))
        return status;
    model->output_kind = bundle->output_kind;
    set_recipe(model, &bundle->recipe);
    if (bundle->labels_path && (status = tdi_bundle_labels(bundle, &model->labels, err)))
        goto fail;
    if ((status = tdi_bundle_ranges(bundle, &model->ranges, err)))
        goto fail;
    model->bundle = bundle;
    *out = model;
    return TD_OK;
fail:
    model_free(model);
    return status;
}

static td_status open_bundle(const char *path, const td_model_settings *settings, td_model **out,
                             td_error *err) {
    tdi_bundle *bundle = NULL;
    TD_TRY(tdi_bundle_open(path, &bundle, err));
    td_status status = tdi_model_from_bundle(bundle, settings, out, err);
    if (status)
        tdi_bundle_free(bundle);
    return status;
}

td_model_settings td_model_settings_default(void) {
    const td_model_settings settings = {NULL, 0};
    return settings;
}

td_status td_model_open_with(const char *path, const td_model_settings *settings, td_model **out,
                             td_error *err) {
    if (!path || !out)
        return tdi_fail(err, TD_ARGUMENT, "td_model_open: path and out must not be NULL");
    if (tdi_path_is_folder(path))
        return open_bundle(path, settings, out, err);
    graphs g = {NULL, NULL};
    TD_TRY(tdi_onnx_load_open(path, &g.open, err));
    td_status status = graphs_bind(&g, settings, err);
    if (status)
        return tdi_fail_prefix(err, status, "%.200s", path);
    return model_new(&g, tdi_path_stem(path, ".onnx"), NULL, out, err);
}

td_status td_model_open(const char *path, td_model **out, td_error *err) {
    return td_model_open_with(path, NULL, out, err);
}

td_status td_model_rebind(td_model *model, const td_input_shape *shapes, size_t shape_count,
                          td_model **out, td_error *err) {
    const td_model_settings settings = {shapes, shape_count};
    graphs g = {NULL, NULL};
    td_model *rebound = NULL;
    TD_TRY(tdi_graph_copy(model->open, &g.open, err));
    td_status status = graphs_bind(&g, &settings, err);
    if (status)
        return tdi_fail_prefix(err, status, "%.200s", model->name);
    TD_TRY(model_new(&g, tdi_strdup(model->name), model->packs, &rebound, err));
    td_recipe recipe = model->recipe;
    recipe.width = recipe.height = 0;
    set_recipe(rebound, &recipe);
    rebound->output_kind = model->output_kind;
    rebound->labels = model->labels;
    rebound->ranges = model->ranges;
    rebound->origin = td_model_ref(model);
    *out = rebound;
    return TD_OK;
}

td_model *td_model_ref(td_model *model) {
    tdi_refcount_take(&model->references);
    return model;
}

void td_model_unref(td_model *model) {
    if (model && tdi_refcount_drop(&model->references) == 0)
        model_free(model);
}
