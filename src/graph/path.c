/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths through a graph. Nodes are in topological order, so one pass over them does each of these.
 */
#include "graph/path.h"

#include <stdio.h>
#include <string.h>

static int is_blocked(const uint8_t *blocked, int value) {
    return blocked && blocked[value];
}

void tdi_path_from_inputs(const tdi_graph *graph, const uint8_t *blocked, uint8_t *from_input) {
    memset(from_input, 0, (size_t)graph->value_count);
    for (int i = 0; i < graph->input_count; i++)
        from_input[graph->inputs[i]] = 1;
    for (int n = 0; n < graph->node_count; n++) {
        const tdi_node *node = &graph->nodes[n];
        int reached = 0;
        for (int i = 0; i < node->input_count && !reached; i++) {
            int v = node->inputs[i];
            reached = v >= 0 && from_input[v] && !is_blocked(blocked, v);
        }
        for (int i = 0; i < node->output_count && reached; i++)
            if (node->outputs[i] >= 0)
                from_input[node->outputs[i]] = 1;
    }
}

void tdi_path_to_targets(const tdi_graph *graph, const uint8_t *blocked, const int *targets,
                         int target_count, uint8_t *to_target) {
    memset(to_target, 0, (size_t)graph->value_count);
    for (int i = 0; i < target_count; i++)
        to_target[targets[i]] = 1;
    for (int n = graph->node_count - 1; n >= 0; n--) {
        const tdi_node *node = &graph->nodes[n];
        int reaches = 0;
        for (int i = 0; i < node->output_count && !reaches; i++) {
            int v = node->outputs[i];
            reaches = v >= 0 && to_target[v] && !is_blocked(blocked, v);
        }
        for (int i = 0; i < node->input_count && reaches; i++)
            if (node->inputs[i] >= 0)
                to_target[node->inputs[i]] = 1;
    }
}

/* One step of a shortest path: how many values it has up to here, and the one before. */
typedef struct step {
    int length, before; /* length 0: not reached */
} step;

static void find_steps(const tdi_graph *graph, const uint8_t *blocked, step *steps) {
    for (int i = 0; i < graph->input_count; i++)
        if (!is_blocked(blocked, graph->inputs[i]))
            steps[graph->inputs[i]] = (step){1, -1};
    for (int n = 0; n < graph->node_count; n++) {
        const tdi_node *node = &graph->nodes[n];
        int best = -1;
        for (int i = 0; i < node->input_count; i++) {
            int v = node->inputs[i];
            if (v >= 0 && steps[v].length && (best < 0 || steps[v].length < steps[best].length))
                best = v;
        }
        for (int i = 0; i < node->output_count && best >= 0; i++) {
            int v = node->outputs[i];
            if (v >= 0 && !is_blocked(blocked, v))
                steps[v] = (step){steps[best].length + 1, best};
        }
    }
}

static void format_path(const tdi_graph *graph, const step *steps, int last, char *out) {
    enum { HEAD = 3, TAIL = 2, NAME = 48 };
    const char *names[HEAD + TAIL];
    int length = steps[last].length, at = 0;
    for (int v = last, i = length - 1; i >= 0; v = steps[v].before, i--) {
        if (i >= length - TAIL)
            names[HEAD + i - (length - TAIL)] = graph->values[v].name;
        if (i < HEAD)
            names[i] = graph->values[v].name;
    }
    out[0] = '\0';
    for (int i = 0; i < length; i++) {
        if (length > HEAD + TAIL && i == HEAD) {
            at += snprintf(out + at, (size_t)(TDI_PATH_TEXT_BYTES - at), " -> ...");
            i = length - TAIL;
        }
        const char *name = i < HEAD ? names[i] : names[HEAD + i - (length - TAIL)];
        at += snprintf(out + at, (size_t)(TDI_PATH_TEXT_BYTES - at), "%s%.*s", i ? " -> " : "",
                       NAME, name);
    }
}

td_status tdi_path_around(const tdi_graph *graph, const uint8_t *blocked, const int *targets,
                          int target_count, char out[TDI_PATH_TEXT_BYTES], int *found,
                          td_error *err) {
    step *steps = tdi_calloc((size_t)graph->value_count + 1, sizeof *steps);
    int last = -1;
    *found = 0;
    if (!steps)
        return tdi_fail_memory(err);
    find_steps(graph, blocked, steps);
    for (int i = 0; i < target_count; i++) {
        int v = targets[i];
        if (steps[v].length && (last < 0 || steps[v].length < steps[last].length))
            last = v;
    }
    if (last >= 0) {
        *found = 1;
        format_path(graph, steps, last, out);
    }
    tdi_free(steps);
    return TD_OK;
}
