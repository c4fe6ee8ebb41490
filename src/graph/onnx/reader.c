/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the bytes of a file to a graph that is ready: checked, unpacked, imported, folded, stripped
 * of what no output needs, shapes inferred.
 */
#include <string.h>

#include "graph/bind.h"
#include "graph/onnx/onnx.h"
#include "graph/onnx/outline.h"
#include "graph/onnx/proto.h"
#include "graph/onnx/scan.h"

#define OPSET_MIN 7
#define OPSET_MAX 21
#define IR_MIN    3
#define IR_MAX    10

/* Aligned, so that constants can keep the memory they were unpacked into. */
static void *unpack_alloc(void *user, size_t bytes) {
    (void)user;
    return tdi_malloc_aligned(bytes);
}

static void unpack_free(void *user, void *ptr) {
    (void)user;
    tdi_free_aligned(ptr);
}

static ProtobufCAllocator unpack_allocator = {unpack_alloc, unpack_free, NULL};

static td_status check_size(size_t size, td_error *err) {
    if (size > TDI_ONNX_BYTES_MAX)
        return tdi_fail(err, TD_LIMIT, "the model is larger than %zu MB", TDI_ONNX_BYTES_MAX >> 20);
    return TD_OK;
}

static td_status scan(const uint8_t *bytes, size_t size, td_error *err) {
    return tdi_scan(&onnx__model_proto__descriptor, bytes, size, TDI_ONNX_DEPTH_MAX, err);
}

/* What the scan let pass is well-formed but for fields of the wrong type. */
static td_status unpack(const uint8_t *bytes, size_t size, Onnx__ModelProto **out, td_error *err) {
    *out = onnx__model_proto__unpack(&unpack_allocator, size, bytes);
    return *out ? TD_OK : tdi_fail(err, TD_FORMAT, "not an ONNX model, or a damaged one");
}

static td_status read_opset(const Onnx__ModelProto *model, int64_t *out, td_error *err) {
    int64_t opset = 0;
    for (size_t i = 0; i < model->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *import = model->opset_import[i];
        if (import->domain && *import->domain && strcmp(import->domain, "ai.onnx") != 0)
            continue;
        if (opset && opset != import->version)
            return tdi_fail(err, TD_FORMAT, "the model names two versions of the default opset");
        opset = import->version;
    }
    if (!opset)
        return tdi_fail(err, TD_FORMAT,
                        "not an ONNX model, or a damaged one: it names no operator set");
    if (opset < OPSET_MIN || opset > OPSET_MAX)
        return tdi_fail(err, TD_UNSUPPORTED,
                        "the model has opset %lld; opsets %d to %d are supported", (long long)opset,
                        OPSET_MIN, OPSET_MAX);
    *out = opset;
    return TD_OK;
}

static td_status check_model(const Onnx__ModelProto *model, td_error *err) {
    if (!model->graph)
        return tdi_fail(err, TD_FORMAT, "not an ONNX model, or a damaged one: it has no graph");
    if (model->ir_version < IR_MIN || model->ir_version > IR_MAX)
        return tdi_fail(err, TD_UNSUPPORTED,
                        "the model has IR version %lld; versions %d to %d are supported",
                        (long long)model->ir_version, IR_MIN, IR_MAX);
    return TD_OK;
}

/* Takes over `graph`. */
static td_status finish(tdi_graph *graph, tdi_graph **out, td_error *err) {
    td_status status = tdi_onnx_fold(graph, err);
    if (status == TD_OK)
        status = tdi_graph_prune(&graph, err);
    if (status == TD_OK && !graph->input_count)
        status = tdi_fail(err, TD_FORMAT, "the model has no input");
    if (status == TD_OK)
        *out = graph;
    else
        tdi_graph_free(graph);
    return status;
}

/* Frees `model`. */
static td_status build(Onnx__ModelProto *model, const char *folder, tdi_backing *file,
                       tdi_graph **out, td_error *err) {
    tdi_external external = {.folder = folder, .budget = TDI_ONNX_BYTES_MAX, .own = file};
    tdi_graph *imported = NULL;
    int64_t opset = 0;
    td_status status = check_model(model, err);
    if (status == TD_OK)
        status = read_opset(model, &opset, err);
    if (status == TD_OK)
        status = tdi_onnx_import(model->graph, opset, model->ir_version, &external, &imported, err);
    onnx__model_proto__free_unpacked(model, &unpack_allocator);
    tdi_external_fini(&external);
    return status == TD_OK ? finish(imported, out, err) : status;
}

td_status tdi_onnx_parse_open(const uint8_t *bytes, size_t size, const char *folder,
                              tdi_graph **out, td_error *err) {
    Onnx__ModelProto *model;
    TD_TRY(check_size(size, err));
    TD_TRY(scan(bytes, size, err));
    TD_TRY(unpack(bytes, size, &model, err));
    return build(model, folder, NULL, out, err);
}

static td_status parse_whole(const tdi_backing *file, const char *folder, tdi_graph **out,
                             td_error *err) {
    Onnx__ModelProto *model;
    size_t size = tdi_backing_bytes(file);
    uint8_t *bytes = tdi_malloc(size);
    if (!bytes)
        return tdi_fail_memory(err);
    td_status status = tdi_backing_read(file, 0, bytes, size, err);
    if (status == TD_OK)
        status = scan(bytes, size, err);
    if (status == TD_OK)
        status = unpack(bytes, size, &model, err);
    tdi_free(bytes); /* before anything is made of the copies */
    return status == TD_OK ? build(model, folder, NULL, out, err) : status;
}

td_status tdi_onnx_read_open(tdi_backing *file, const char *folder, tdi_graph **out,
                             td_error *err) {
    Onnx__ModelProto *model;
    uint8_t *bytes = NULL;
    size_t size = 0;
    TD_TRY(check_size(tdi_backing_bytes(file), err));
    td_status status = tdi_outline(file, TDI_OUTLINE_BYTES_MIN, &bytes, &size, err);
    if (status == TD_OK)
        status = scan(bytes, size, err);
    if (status == TD_FORMAT || status == TD_LIMIT) {
        /* What is wrong, and where, is found in the whole of it. */
        tdi_free(bytes);
        return parse_whole(file, folder, out, err);
    }
    if (status == TD_OK)
        status = unpack(bytes, size, &model, err);
    tdi_free(bytes);
    return status == TD_OK ? build(model, folder, file, out, err) : status;
}

/* "." for a file without a folder. */
static char *folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash)
        return tdi_strdup(".");
    return tdi_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

td_status tdi_onnx_load_open(const char *path, tdi_graph **out, td_error *err) {
    tdi_backing *file;
    TD_TRY(tdi_backing_open(path, TDI_ONNX_BYTES_MAX, &file, err));
    char *folder = folder_of(path);
    td_status status = folder ? tdi_onnx_read_open(file, folder, out, err) : tdi_fail_memory(err);
    tdi_free(folder);
    tdi_backing_unref(file);
    return status == TD_OK ? TD_OK : tdi_fail_prefix(err, status, "%.200s", path);
}

/* Takes over `open`. */
static td_status bind(tdi_graph *open, tdi_graph **out, td_error *err) {
    td_status status = tdi_graph_bind(open, NULL, 0, out, err);
    tdi_graph_free(open);
    return status;
}

td_status tdi_onnx_parse(const uint8_t *bytes, size_t size, const char *folder, tdi_graph **out,
                         td_error *err) {
    tdi_graph *open = NULL;
    TD_TRY(tdi_onnx_parse_open(bytes, size, folder, &open, err));
    return bind(open, out, err);
}

td_status tdi_onnx_load(const char *path, tdi_graph **out, td_error *err) {
    tdi_graph *open = NULL;
    TD_TRY(tdi_onnx_load_open(path, &open, err));
    td_status status = bind(open, out, err);
    return status == TD_OK ? TD_OK : tdi_fail_prefix(err, status, "%.200s", path);
}
