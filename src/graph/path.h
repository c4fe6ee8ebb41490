/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which values can be reached from the inputs, and from which the outputs can be reached, around a
 * set of blocked values.
 */
#ifndef TDI_GRAPH_PATH_H
#define TDI_GRAPH_PATH_H

#include "graph/graph.h"

#define TDI_PATH_TEXT_BYTES 320

/*
 * Flags per value. from_input: some path from a graph input ends there; to_target: some path from
 * there ends at a target. Paths do not pass through blocked values, but may begin or end at one.
 * `blocked` NULL: none.
 */
void tdi_path_from_inputs(const tdi_graph *graph, const uint8_t *blocked, uint8_t *from_input);
void tdi_path_to_targets(const tdi_graph *graph, const uint8_t *blocked, const int *targets,
                         int target_count, uint8_t *to_target);

/*
 * Writes a shortest path from a graph input to a target around the blocked values, as "input ->
 * relu -> ... -> logits". *found 0 where there is none.
 */
td_status tdi_path_around(const tdi_graph *graph, const uint8_t *blocked, const int *targets,
                          int target_count, char out[TDI_PATH_TEXT_BYTES], int *found,
                          td_error *err);

#endif
