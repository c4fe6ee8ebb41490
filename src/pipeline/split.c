/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing the two halves of a model as ONNX files, with the quantizer of a strategy as the last
 * operators of the head and the first of the tail. What comes after the quantizer works on bytes,
 * which ONNX has no operators for.
 */
#include "base/file.h"
#include "codec/stage.h"
#include "graph/onnx/onnx.h"
#include "pipeline/model.h"

/* The affine map of each tensor's quantizer; levels 0 where the strategy has none. */
static td_status find_affines(td_model *model, const tdi_place *place, const char *strategy,
                              tdi_affine *affines, td_error *err) {
    td_layout layouts[TDI_CUT_TENSORS_MAX];
    const tdi_calibration_set *set = NULL;
    TD_TRY(tdi_place_layouts(model, place, layouts, err));
    TD_TRY(tdi_model_calibration_for(model, place, strategy, &set, err));
    for (int i = 0; i < place->cut.tensor_count; i++) {
        td_codec *codec = NULL;
        tdi_quantizer_affine affine = {0, 0, 0};
        TD_TRY(td_codec_open(strategy, &layouts[i], set ? set->tensors[i] : NULL, &codec, err));
        td_status status = tdi_codec_affine(codec, &affine, err);
        td_codec_close(codec);
        if (status)
            return status;
        affines[i].levels = affine.levels;
        affines[i].min = affine.min;
        affines[i].step = affine.step;
    }
    return TD_OK;
}

static td_status attach(tdi_graph *half, int is_head, const tdi_affine *affines, int count,
                        td_error *err) {
    for (int i = 0; i < count; i++) {
        if (affines[i].levels == 0)
            continue;
        if (is_head)
            TD_TRY(tdi_graph_append_quantizer(half, i, &affines[i], err));
        else
            TD_TRY(tdi_graph_prepend_dequantizer(half, i, &affines[i], err));
    }
    return TD_OK;
}

typedef struct written_half {
    uint8_t *bytes;
    size_t size;
} written_half;

/* The half as bytes that were read back once, so that nothing is put on disk that this program
 * would refuse. */
static td_status make_half(const td_model *model, const tdi_place *place, int is_head,
                           const tdi_affine *affines, written_half *out, td_error *err) {
    const char *what = is_head ? "head" : "tail";
    tdi_graph *half = NULL, *again = NULL;
    td_status status = is_head ? tdi_cut_head(model->graph, &place->cut, &half, err)
                               : tdi_cut_tail(model->graph, &place->cut, &half, err);
    if (status || (status = attach(half, is_head, affines, place->cut.tensor_count, err)) ||
        (status = tdi_onnx_write(half, &out->bytes, &out->size, err)))
        goto end;
    status = tdi_onnx_parse(out->bytes, out->size, NULL, &again, err);
    if (status)
        tdi_fail_prefix(err, status, "the %s of %s does not read back", what, model->name);
end:
    tdi_graph_free(half);
    tdi_graph_free(again);
    return status;
}

static td_status write_half(const char *dir, const char *name, const written_half *half,
                            td_error *err) {
    char *path = tdi_path_join(dir, name);
    if (!path)
        return tdi_fail_memory(err);
    td_status status = tdi_file_write(path, half->bytes, half->size, err);
    tdi_free(path);
    return status;
}

td_status td_model_split(td_model *model, const char *cut, const char *strategy, const char *dir,
                         td_error *err) {
    tdi_place place;
    tdi_affine affines[TDI_CUT_TENSORS_MAX] = {{0, 0, 0}};
    written_half head = {0}, tail = {0};
    TD_TRY(tdi_place_resolve(model, cut, &place, err));
    if (place.kind != TDI_PLACE_TENSORS)
        return tdi_fail(err, TD_CUT, "at the cut `%s` one half is empty: name a tensor between",
                        cut);
    if (strategy)
        TD_TRY(find_affines(model, &place, strategy, affines, err));
    td_status status = make_half(model, &place, 1, affines, &head, err);
    if (!status)
        status = make_half(model, &place, 0, affines, &tail, err);
    if (!status)
        status = tdi_folder_make(dir, err);
    if (!status)
        status = write_half(dir, "head.onnx", &head, err);
    if (!status)
        status = write_half(dir, "tail.onnx", &tail, err);
    tdi_free(head.bytes);
    tdi_free(tail.bytes);
    return status;
}
