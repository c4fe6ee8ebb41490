/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ONNX reader, and for what it accepts everything that is done with a graph: cuts, halves,
 * writing, reading again.
 */
#include <stdlib.h>
#include <string.h>

#include "graph/cut.h"
#include "graph/onnx/onnx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int ok) {
    if (!ok)
        abort();
}

/* What was written must be read again as the same graph. */
static void round_trip(const tdi_graph *graph) {
    uint8_t *bytes;
    size_t size;
    tdi_graph *again;
    check(tdi_onnx_write(graph, &bytes, &size, NULL) == TD_OK);
    td_status status = tdi_onnx_parse(bytes, size, NULL, &again, NULL);
    tdi_free(bytes);
    if (status == TD_LIMIT) /* a made-up name is longer than the one that it was made from */
        return;
    check(status == TD_OK);
    check(again->node_count == graph->node_count);
    check(again->output_count == graph->output_count);
    check(tdi_graph_macs(again) == tdi_graph_macs(graph));
    tdi_graph_free(again);
}

static void halves(const tdi_graph *graph, const tdi_cut *cut) {
    static const tdi_affine affine = {16, -1.0f, 0.25f};
    tdi_graph *head, *tail;
    check(tdi_cut_head(graph, cut, &head, NULL) == TD_OK);
    check(tdi_cut_tail(graph, cut, &tail, NULL) == TD_OK);
    check(tdi_graph_macs(head) + tdi_graph_macs(tail) == tdi_graph_macs(graph));
    round_trip(head);
    round_trip(tail);
    if (tdi_graph_append_quantizer(head, 0, &affine, NULL) == TD_OK) {
        check(tdi_graph_prepend_dequantizer(tail, 0, &affine, NULL) == TD_OK);
        round_trip(head);
        round_trip(tail);
    }
    tdi_graph_free(head);
    tdi_graph_free(tail);
}

static void use(const tdi_graph *graph) {
    tdi_cut *cuts, same;
    size_t count;
    char *dot;
    check(tdi_graph_dot(graph, &dot, NULL) == TD_OK);
    tdi_free(dot);
    round_trip(graph);
    check(tdi_cut_list(graph, &cuts, &count, NULL) == TD_OK);
    for (size_t i = 0; i < count && i < 8; i++) {
        check(tdi_cut_resolve(graph, graph->values[cuts[i].tensors[0]].name, &same, NULL) == TD_OK);
        check(same.head_macs == cuts[i].head_macs && same.elements == cuts[i].elements);
        halves(graph, &cuts[i]);
    }
    tdi_free(cuts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tdi_graph *graph;
    td_error err;
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        return 0;
    if (size)
        memcpy(copy, data, size);
    if (tdi_onnx_parse(copy, size, NULL, &graph, &err) == TD_OK) {
        use(graph);
        tdi_graph *rebound;
        check(tdi_graph_copy(graph, &rebound, NULL) == TD_OK);
        (void)tdi_graph_infer(rebound, 3, &err);
        tdi_graph_free(rebound);
        tdi_graph_free(graph);
    }
    free(copy);
    return 0;
}
