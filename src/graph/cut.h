/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts: sets of tensors that separate input from output.
 */
#ifndef TDI_GRAPH_CUT_H
#define TDI_GRAPH_CUT_H

#include "graph/graph.h"

#define TDI_CUT_TENSORS_MAX 32

typedef struct tdi_cut {
    int tensor_count;
    int tensors[TDI_CUT_TENSORS_MAX]; /* value indices, in topological order */
    int64_t elements;                 /* of all, per picture */
    int64_t head_macs;                /* of all nodes that the tensors need */
} tdi_cut;

/* Every legal single-tensor cut in topological order, graph outputs left out. *out is freed with
 * tdi_free(). */
td_status tdi_cut_list(const tdi_graph *graph, tdi_cut **out, size_t *count, td_error *err);

/*
 * The cut at tensors named in `names`, separated by commas. TD_NOT_FOUND (with near names), or
 * TD_CUT with a path from input to output around the set, or for a tensor that adds nothing (all
 * that is computed from it goes through the others).
 */
td_status tdi_cut_resolve(const tdi_graph *graph, const char *names, tdi_cut *out, td_error *err);

/* The halves. */
td_status tdi_cut_head(const tdi_graph *graph, const tdi_cut *cut, tdi_graph **out, td_error *err);
td_status tdi_cut_tail(const tdi_graph *graph, const tdi_cut *cut, tdi_graph **out, td_error *err);

/* A uniform quantizer as operators: level = clamp(floor((x - min) / step + 0.5), 0, levels - 1), x
 * = min + level * step. */
typedef struct tdi_affine {
    int32_t levels; /* 0: no quantizer, 1: saturating float16, else 2..65536 */
    float min, step;
} tdi_affine;

/* Puts the quantizer behind output `index` of a head: the output becomes uint8 (uint16 above 256
 * levels, float16). */
td_status tdi_graph_append_quantizer(tdi_graph *head, int index, const tdi_affine *affine,
                                     td_error *err);
/* Puts the dequantizer before input `index` of a tail. */
td_status tdi_graph_prepend_dequantizer(tdi_graph *tail, int index, const tdi_affine *affine,
                                        td_error *err);

#endif
