/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Models read from a file, whose large constants stay there: what is accepted from memory is
 * accepted from a file, and its outline is a model.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "graph/onnx/onnx.h"
#include "graph/onnx/outline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static tdi_backing *file_of(const uint8_t *data, size_t size) {
    FILE *file = tmpfile();
    tdi_backing *backing = NULL;
    assert(file && fwrite(data, 1, size, file) == size && fflush(file) == 0);
    assert(tdi_backing_around(dup(fileno(file)), "model", &backing, NULL) == TD_OK);
    fclose(file);
    return backing;
}

static td_status parse(const uint8_t *bytes, size_t size) {
    tdi_graph *graph = NULL;
    td_status status = tdi_onnx_parse_open(bytes, size, NULL, &graph, NULL);
    tdi_graph_free(graph);
    return status;
}

static void outline(const tdi_backing *file, size_t bytes_min, int accepted) {
    uint8_t *bytes;
    size_t size;
    td_status status = tdi_outline(file, bytes_min, &bytes, &size, NULL);
    if (status == TD_OK) {
        td_status parsed = parse(bytes, size);
        /* Without its file a constant cannot be had. */
        assert(!accepted || parsed == TD_OK || parsed == TD_UNSUPPORTED);
        tdi_free(bytes);
    }
    assert(!accepted || status == TD_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tdi_backing *file = file_of(data, size);
    tdi_graph *graph = NULL;
    td_status in_memory = parse(data, size);
    assert(tdi_onnx_read_open(file, NULL, &graph, NULL) == in_memory);
    tdi_graph_free(graph);
    outline(file, 1, in_memory == TD_OK);
    outline(file, 16, in_memory == TD_OK);
    tdi_backing_unref(file);
    return 0;
}
