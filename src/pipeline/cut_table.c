/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts by name: the words `input` and `output`, single tensors and sets of tensors; and the
 * descriptions that callers get of them.
 */
#include <pthread.h>
#include <string.h>

#include "base/text.h"
#include "pipeline/model.h"

typedef struct found_cut {
    struct found_cut *next;
    td_cut_info info;
} found_cut;

struct tdi_cut_table {
    pthread_mutex_t lock; /* of arena and found */
    tdi_arena arena;      /* names and tensors of all descriptions */
    td_cut_info *singles;
    size_t single_count;
    found_cut *found; /* asked for by name, newest first */
};

static td_status boundary(const td_model *model, int at_input, tdi_cut *out, td_error *err) {
    const tdi_graph *graph = model->graph;
    const int *tensors = at_input ? graph->inputs : graph->outputs;
    int count = at_input ? graph->input_count : graph->output_count;
    if (count > TDI_CUT_TENSORS_MAX)
        return tdi_fail(err, TD_LIMIT, "%s has %d %s, more than the %d tensors that a cut can have",
                        model->name, count, at_input ? "inputs" : "outputs", TDI_CUT_TENSORS_MAX);
    memset(out, 0, sizeof *out);
    out->tensor_count = count;
    for (int i = 0; i < count; i++) {
        out->tensors[i] = tensors[i];
        out->elements += td_shape_elements(&graph->values[tensors[i]].shape);
    }
    out->head_macs = at_input ? 0 : td_model_macs(model);
    return TD_OK;
}

static int same_set(const tdi_cut *cut, const int *tensors, int count) {
    int found = 0;
    for (int i = 0; i < cut->tensor_count; i++)
        for (int k = 0; k < count; k++)
            found += cut->tensors[i] == tensors[k];
    return found == count && cut->tensor_count == count;
}

/* The cut that is meant: the tensors of one end of the network are `input` or `output`, under their
 * own names too. */
static tdi_place_kind kind_of(const tdi_graph *graph, const char *name, const tdi_cut *cut) {
    if (!strcmp(name, "input"))
        return TDI_PLACE_INPUT;
    if (!strcmp(name, "output"))
        return TDI_PLACE_OUTPUT;
    if (same_set(cut, graph->inputs, graph->input_count))
        return TDI_PLACE_INPUT;
    if (same_set(cut, graph->outputs, graph->output_count))
        return TDI_PLACE_OUTPUT;
    return TDI_PLACE_TENSORS;
}

td_status tdi_place_resolve(const td_model *model, const char *cut, tdi_place *out, td_error *err) {
    if (!cut || !*cut)
        return tdi_fail(
            err, TD_ARGUMENT,
            "no cut named: say `input`, `output` or a tensor that `tandem inspect` lists");
    if (strcmp(cut, "input") != 0 && strcmp(cut, "output") != 0)
        TD_TRY(tdi_cut_resolve(model->graph, cut, &out->cut, err));
    out->kind = kind_of(model->graph, cut, &out->cut);
    if (out->kind == TDI_PLACE_TENSORS)
        return TD_OK;
    return boundary(model, out->kind == TDI_PLACE_INPUT, &out->cut, err);
}

char *tdi_place_name(const td_model *model, const tdi_place *place) {
    if (place->kind != TDI_PLACE_TENSORS)
        return tdi_strdup(place->kind == TDI_PLACE_INPUT ? "input" : "output");
    tdi_text text = {0};
    for (int i = 0; i < place->cut.tensor_count; i++)
        tdi_text_append(&text, "%s%s", i ? "," : "",
                        model->graph->values[place->cut.tensors[i]].name);
    return tdi_text_take(&text);
}

static td_layout picture_layout(const td_recipe *recipe, int channels) {
    td_layout layout = {TD_DTYPE_U8, TD_ORDER_HWC, channels, recipe->height, recipe->width};
    return layout;
}

td_status tdi_place_layouts(const td_model *model, const tdi_place *place, td_layout *layouts,
                            td_error *err) {
    if (place->kind == TDI_PLACE_INPUT) {
        TD_TRY(tdi_model_check_pictures(model, err));
        int channels = (int)model->graph->values[model->graph->inputs[0]].shape.dim[1];
        layouts[0] = picture_layout(&model->recipe, channels);
        return TD_OK;
    }
    for (int i = 0; i < place->cut.tensor_count; i++) {
        const tdi_value *value = &model->graph->values[place->cut.tensors[i]];
        td_status status = td_layout_from_shape(&value->shape, value->dtype, &layouts[i], err);
        if (status)
            return tdi_fail_prefix(err, status, "tensor %s of %s", value->name, model->name);
    }
    return TD_OK;
}

/* At `input` what crosses is the picture itself. */
static td_tensor_info describe_picture(const td_model *model) {
    td_tensor_info input = tdi_model_tensor(model, model->graph->inputs[0]);
    const int64_t *nchw = input.shape.dim;
    const td_tensor_info info = {"input", TD_DTYPE_U8, {4, {nchw[0], nchw[2], nchw[3], nchw[1]}}};
    return info;
}

static td_status describe(const td_model *model, tdi_cut_table *table, const tdi_place *place,
                          td_cut_info *out, td_error *err) {
    const tdi_cut *cut = &place->cut;
    char *name = tdi_place_name(model, place);
    td_tensor_info *tensors = tdi_arena_alloc(&table->arena,
                                              (size_t)cut->tensor_count * sizeof *tensors);
    out->name = name ? tdi_arena_strdup(&table->arena, name) : NULL;
    tdi_free(name);
    if (!out->name || !tensors)
        return tdi_fail_memory(err);
    for (int i = 0; i < cut->tensor_count; i++)
        tensors[i] = tdi_model_tensor(model, cut->tensors[i]);
    if (place->kind == TDI_PLACE_INPUT && tdi_model_check_pictures(model, NULL) == TD_OK)
        tensors[0] = describe_picture(model);
    int64_t macs = td_model_macs(model);
    out->tensor_count = (size_t)cut->tensor_count;
    out->tensors = tensors;
    out->elements = cut->elements;
    out->head_macs = cut->head_macs;
    out->head_share = macs > 0 ? (double)cut->head_macs / (double)macs : 0;
    return TD_OK;
}

td_status tdi_cut_table_new(const td_model *model, tdi_cut_table **out, td_error *err) {
    tdi_cut *cuts = NULL;
    size_t count = 0;
    tdi_cut_table *table = tdi_calloc(1, sizeof *table);
    if (!table)
        return tdi_fail_memory(err);
    pthread_mutex_init(&table->lock, NULL);
    td_status status = tdi_cut_list(model->graph, &cuts, &count, err);
    if (status)
        goto fail;
    table->singles = tdi_calloc(count + 1, sizeof *table->singles);
    if (!table->singles) {
        status = tdi_fail_memory(err);
        goto fail;
    }
    for (; table->single_count < count; table->single_count++) {
        tdi_place place = {TDI_PLACE_TENSORS, cuts[table->single_count]};
        if ((status = describe(model, table, &place, &table->singles[table->single_count], err)))
            goto fail;
    }
    tdi_free(cuts);
    *out = table;
    return TD_OK;
fail:
    tdi_free(cuts);
    tdi_cut_table_free(table);
    return status;
}

void tdi_cut_table_free(tdi_cut_table *table) {
    if (!table)
        return;
    tdi_free(table->singles);
    tdi_arena_free(&table->arena);
    pthread_mutex_destroy(&table->lock);
    tdi_free(table);
}

size_t td_model_cut_count(const td_model *model) {
    return model->cuts->single_count;
}

td_status td_model_cut(const td_model *model, size_t index, td_cut_info *out) {
    if (index >= model->cuts->single_count)
        return TD_ARGUMENT;
    *out = model->cuts->singles[index];
    return TD_OK;
}

static td_status find_or_add(td_model *model, const tdi_place *place, const char *name,
                             td_cut_info *out, td_error *err) {
    tdi_cut_table *table = model->cuts;
    for (const found_cut *found = table->found; found; found = found->next)
        if (!strcmp(found->info.name, name)) {
            *out = found->info;
            return TD_OK;
        }
    found_cut *found = tdi_arena_alloc(&table->arena, sizeof *found);
    if (!found)
        return tdi_fail_memory(err);
    TD_TRY(describe(model, table, place, &found->info, err));
    found->next = table->found;
    table->found = found;
    *out = found->info;
    return TD_OK;
}

td_status td_model_cut_find(td_model *model, const char *cut, td_cut_info *out, td_error *err) {
    tdi_place place;
    TD_TRY(tdi_place_resolve(model, cut, &place, err));
    char *name = tdi_place_name(model, &place);
    if (!name)
        return tdi_fail_memory(err);
    pthread_mutex_lock(&model->cuts->lock);
    td_status status = find_or_add(model, &place, name, out, err);
    pthread_mutex_unlock(&model->cuts->lock);
    tdi_free(name);
    return status;
}
