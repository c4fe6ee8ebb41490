/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding cuts, checking them, and making the halves.
 */
#include "graph/cut.h"

#include <string.h>

#include "base/text.h"
#include "graph/path.h"

static int64_t elements_per_picture(const tdi_graph *graph, int value) {
    return td_shape_elements(&graph->values[value].shape) / graph->batch;
}

/*
 * A tensor alone is a cut where every path from input to output runs through it. Number what lies
 * on such paths (inputs, nodes, outputs of nodes) in topological order, and let every edge cover
 * the numbers strictly between its ends: the tensor is a cut exactly where nothing covers it. For
 * then no path can get past its number; and if it is on every path, all else on them is before or
 * after it in every topological order, and an edge over it would be a path around it.
 */
enum { NOT_LIVE, LIVE, LIVE_OUTPUT };
typedef struct line {
    uint8_t *live; /* per value: whether it is on a path from input to output, or the end of one */
    int *position; /* per value */
    int *cover;    /* per position, as differences */
    int next;      /* position to be given */
} line;

static void line_fini(line *l) {
    tdi_free(l->live);
    tdi_free(l->position);
    tdi_free(l->cover);
}

static td_status line_init(line *l, const tdi_graph *graph, td_error *err) {
    size_t values = (size_t)graph->value_count + 1;
    l->live = tdi_malloc(values);
    l->position = tdi_calloc(values, sizeof *l->position);
    /* One position per value and node, and the two ends. */
    l->cover = tdi_calloc(values + (size_t)graph->node_count + 2, sizeof *l->cover);
    uint8_t *to_output = tdi_malloc(values);
    if (!l->live || !l->position || !l->cover || !to_output) {
        tdi_free(to_output);
        return tdi_fail_memory(err);
    }
    tdi_path_from_inputs(graph, NULL, l->live);
    tdi_path_to_targets(graph, NULL, graph->outputs, graph->output_count, to_output);
    for (int i = 0; i < graph->value_count; i++)
        l->live[i] = l->live[i] && to_output[i] ? LIVE : NOT_LIVE;
    for (int i = 0; i < graph->output_count; i++)
        if (l->live[graph->outputs[i]])
            l->live[graph->outputs[i]] = LIVE_OUTPUT;
    tdi_free(to_output);
    return TD_OK;
}

static void cover_edge(line *l, int from, int to) {
    l->cover[from + 1]++;
    l->cover[to]--;
}

static void place_node(line *l, const tdi_node *node) {
    int live = 0;
    for (int i = 0; i < node->output_count; i++)
        live |= node->outputs[i] >= 0 && l->live[node->outputs[i]];
    if (!live)
        return;
    int here = l->next++;
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] >= 0 && l->live[node->inputs[i]])
            cover_edge(l, l->position[node->inputs[i]], here);
    for (int i = 0; i < node->output_count; i++) {
        int v = node->outputs[i];
        if (v < 0 || !l->live[v])
            continue;
        l->position[v] = l->next++;
        cover_edge(l, here, l->position[v]);
    }
}

static void place_all(line *l, const tdi_graph *graph) {
    l->next = 1; /* position 0 is where all inputs come from */
    for (int i = 0; i < graph->input_count; i++) {
        int v = graph->inputs[i];
        if (!l->live[v])
            continue;
        l->position[v] = l->next++;
        cover_edge(l, 0, l->position[v]);
    }
    for (int n = 0; n < graph->node_count; n++)
        place_node(l, &graph->nodes[n]);
    for (int i = 0; i < graph->output_count; i++)
        if (l->live[graph->outputs[i]])
            cover_edge(l, l->position[graph->outputs[i]], l->next);
    for (int i = 1; i <= l->next; i++)
        l->cover[i] += l->cover[i - 1];
}

static size_t collect(const line *l, const tdi_graph *graph, tdi_cut *cuts) {
    size_t count = 0;
    int64_t macs = 0;
    for (int n = 0; n < graph->node_count; n++) {
        const tdi_node *node = &graph->nodes[n];
        int live = 0;
        for (int i = 0; i < node->output_count; i++)
            live |= node->outputs[i] >= 0 && l->live[node->outputs[i]];
        /* All live nodes before a cut are needed for it. */
        if (live)
            macs += node->macs;
        for (int i = 0; i < node->output_count; i++) {
            int v = node->outputs[i];
            if (v < 0 || l->live[v] != LIVE || l->cover[l->position[v]] != 0)
                continue;
            tdi_cut *cut = &cuts[count++];
            cut->tensor_count = 1;
            cut->tensors[0] = v;
            cut->elements = elements_per_picture(graph, v);
            cut->head_macs = macs;
        }
    }
    return count;
}

td_status tdi_cut_list(const tdi_graph *graph, tdi_cut **out, size_t *count, td_error *err) {
    line l = {0};
    tdi_cut *cuts = NULL;
    size_t most = 0;
    td_status status = line_init(&l, graph, err);
    if (status != TD_OK)
        goto end;
    place_all(&l, graph);
    for (int i = 0; i < graph->value_count; i++)
        most += l.live[i] && l.cover[l.position[i]] == 0;
    cuts = tdi_calloc(most + 1, sizeof *cuts);
    if (!cuts) {
        status = tdi_fail_memory(err);
        goto end;
    }
    *count = collect(&l, graph, cuts);
    *out = cuts;
end:
    line_fini(&l);
    return status;
}

static td_status not_found(const tdi_graph *graph, const char *name, td_error *err) {
    const char **names = tdi_calloc((size_t)graph->value_count + 1, sizeof *names);
    tdi_text near = {0};
    size_t count = 0;
    if (!names)
        return tdi_fail_memory(err);
    for (int i = 0; i < graph->value_count; i++)
        if (graph->values[i].depends_on_input)
            names[count++] = graph->values[i].name;
    tdi_text_suggest(&near, name, names, count);
    td_status status = tdi_fail(err, TD_NOT_FOUND, "the model has no tensor \"%.100s\"%s", name,
                                near.data ? near.data : "");
    tdi_text_fini(&near);
    tdi_free(names);
    return status;
}

static int is_among(const int *values, int count, int value) {
    for (int i = 0; i < count; i++)
        if (values[i] == value)
            return 1;
    return 0;
}

static td_status add_tensor(const tdi_graph *graph, const char *name, tdi_cut *cut, td_error *err) {
    int v = tdi_graph_find(graph, name);
    if (v < 0)
        return not_found(graph, name, err);
    if (!graph->values[v].depends_on_input)
        return tdi_fail(err, TD_CUT, "\"%.100s\" is a constant, not an activation", name);
    if (is_among(cut->tensors, cut->tensor_count, v))
        return tdi_fail(err, TD_CUT, "the cut has \"%.100s\" twice", name);
    if (cut->tensor_count == TDI_CUT_TENSORS_MAX)
        return tdi_fail(err, TD_LIMIT, "a cut has at most %d tensors", TDI_CUT_TENSORS_MAX);
    /* Topological order: inputs first, then by producer. */
    int at = cut->tensor_count++;
    for (; at > 0; at--) {
        int before = cut->tensors[at - 1];
        if (graph->values[before].producer < graph->values[v].producer ||
            (graph->values[before].producer == graph->values[v].producer && before < v))
            break;
        cut->tensors[at] = before;
    }
    cut->tensors[at] = v;
    return TD_OK;
}

static td_status add_names(const tdi_graph *graph, const char *names, tdi_cut *cut, td_error *err) {
    /* A tensor's own name may have a comma. */
    if (tdi_graph_find(graph, names) >= 0)
        return add_tensor(graph, names, cut, err);
    char *copy = tdi_strdup(names);
    td_status status = copy ? TD_OK : tdi_fail_memory(err);
    for (char *name = copy; status == TD_OK && name;) {
        char *comma = strchr(name, ',');
        if (comma)
            *comma++ = '\0';
        status = add_tensor(graph, name, cut, err);
        name = comma;
    }
    tdi_free(copy);
    return status;
}

static td_status check_separates(const tdi_graph *graph, const uint8_t *blocked, td_error *err) {
    char path[TDI_PATH_TEXT_BYTES];
    int found;
    TD_TRY(tdi_path_around(graph, blocked, graph->outputs, graph->output_count, path, &found, err));
    if (found)
        return tdi_fail(err, TD_CUT, "it does not separate input from output: %s gets around it",
                        path);
    return TD_OK;
}

/*
 * Each tensor must reach the output past the others. It may well be computed from them: where a
 * block has a shortcut, a cut inside of it is the tensor there and the block's own input.
 */
static td_status check_needed(const tdi_graph *graph, const uint8_t *blocked, const tdi_cut *cut,
                              uint8_t *to_output, td_error *err) {
    tdi_path_to_targets(graph, blocked, graph->outputs, graph->output_count, to_output);
    for (int i = 0; i < cut->tensor_count; i++) {
        int v = cut->tensors[i];
        if (!to_output[v])
            return tdi_fail(
                err, TD_CUT,
                "\"%.100s\" adds nothing to the cut, for all that is computed from it goes "
                "through the other tensors: leave it out",
                graph->values[v].name);
    }
    return TD_OK;
}

/* MACs of all nodes that the tensors of the cut need. */
static int64_t needed_macs(const tdi_graph *graph, const tdi_cut *cut, uint8_t *needed) {
    int64_t macs = 0;
    tdi_path_to_targets(graph, NULL, cut->tensors, cut->tensor_count, needed);
    for (int n = 0; n < graph->node_count; n++) {
        const tdi_node *node = &graph->nodes[n];
        for (int i = 0; i < node->output_count; i++)
            if (node->outputs[i] >= 0 && needed[node->outputs[i]]) {
                macs += node->macs;
                break;
            }
    }
    return macs;
}

td_status tdi_cut_resolve(const tdi_graph *graph, const char *names, tdi_cut *out, td_error *err) {
    size_t values = (size_t)graph->value_count + 1;
    uint8_t *flags = tdi_calloc(2, values);
    tdi_cut cut;
    memset(&cut, 0, sizeof cut);
    if (!flags)
        return tdi_fail_memory(err);
    uint8_t *blocked = flags, *reach = flags + values;

    td_status status = add_names(graph, names, &cut, err);
    if (status != TD_OK)
        goto end;
    for (int i = 0; i < cut.tensor_count; i++) {
        blocked[cut.tensors[i]] = 1;
        cut.elements += elements_per_picture(graph, cut.tensors[i]);
    }
    status = check_separates(graph, blocked, err);
    if (status == TD_OK)
        status = check_needed(graph, blocked, &cut, reach, err);
    if (status != TD_OK) {
        status = tdi_fail_prefix(err, status, "cut \"%.100s\"", names);
        goto end;
    }
    cut.head_macs = needed_macs(graph, &cut, reach);
    *out = cut;
end:
    tdi_free(flags);
    return status;
}

td_status tdi_cut_head(const tdi_graph *graph, const tdi_cut *cut, tdi_graph **out, td_error *err) {
    return tdi_graph_extract(graph, graph->inputs, graph->input_count, cut->tensors,
                             cut->tensor_count, out, err);
}

td_status tdi_cut_tail(const tdi_graph *graph, const tdi_cut *cut, tdi_graph **out, td_error *err) {
    return tdi_graph_extract(graph, cut->tensors, cut->tensor_count, graph->outputs,
                             graph->output_count, out, err);
}
