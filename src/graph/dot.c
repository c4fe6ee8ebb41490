/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A graph in Graphviz' language: operators as boxes, activations as edges with their shapes, legal
 * cuts drawn bold.
 */
#include "base/text.h"
#include "graph/cut.h"
#include "graph/op.h"

#define CUT_STYLE " color=\"#c03020\" penwidth=2.5 fontcolor=\"#c03020\""

static void quote(tdi_text *text, const char *name) {
    tdi_text_append(text, "\"");
    for (; *name; name++)
        tdi_text_append(text, *name == '"' || *name == '\\' ? "\\%c" : "%c", *name);
    tdi_text_append(text, "\"");
}

static void node_box(tdi_text *text, const tdi_node *node, int index) {
    tdi_text_append(text, "  n%d [label=\"%s\" tooltip=", index, node->op->type);
    quote(text, node->name);
    tdi_text_append(text, "];\n");
}

static void end_box(tdi_text *text, char kind, int index, const char *name) {
    tdi_text_append(text, "  %c%d [shape=oval label=", kind, index);
    quote(text, name);
    tdi_text_append(text, "];\n");
}

/* An edge from where a value comes from, to `to`. */
static void edge(tdi_text *text, const tdi_graph *graph, const uint8_t *is_cut, int v, char kind,
                 int to) {
    const tdi_value *value = &graph->values[v];
    char shape[96];
    td_shape_format(&value->shape, shape, sizeof shape);
    if (value->producer >= 0)
        tdi_text_append(text, "  n%d", value->producer);
    else
        tdi_text_append(text, "  i%d", v);
    tdi_text_append(text, " -> %c%d [label=\"%s\" tooltip=", kind, to, shape);
    quote(text, value->name);
    tdi_text_append(text, "%s];\n", is_cut[v] ? CUT_STYLE : "");
}

static void print(tdi_text *text, const tdi_graph *graph, const uint8_t *is_cut) {
    tdi_text_append(text, "digraph ");
    quote(text, graph->name);
    tdi_text_append(text, " {\n  node [shape=box fontname=\"sans-serif\"];\n"
                          "  edge [fontname=\"sans-serif\" fontsize=10];\n");
    for (int i = 0; i < graph->input_count; i++)
        end_box(text, 'i', graph->inputs[i], graph->values[graph->inputs[i]].name);
    for (int n = 0; n < graph->node_count; n++) {
        const tdi_node *node = &graph->nodes[n];
        int v = node->output_count ? node->outputs[0] : -1;
        /* What only prepares constants would hide the network. */
        if (v < 0 || !graph->values[v].depends_on_input)
            continue;
        node_box(text, node, n);
        for (int i = 0; i < node->input_count; i++)
            if (node->inputs[i] >= 0 && graph->values[node->inputs[i]].depends_on_input)
                edge(text, graph, is_cut, node->inputs[i], 'n', n);
    }
    for (int i = 0; i < graph->output_count; i++) {
        end_box(text, 'o', i, graph->values[graph->outputs[i]].name);
        edge(text, graph, is_cut, graph->outputs[i], 'o', i);
    }
    tdi_text_append(text, "}\n");
}

td_status tdi_graph_dot(const tdi_graph *graph, char **out, td_error *err) {
    tdi_cut *cuts = NULL;
    size_t count = 0;
    TD_TRY(tdi_cut_list(graph, &cuts, &count, err));
    uint8_t *is_cut = tdi_calloc((size_t)graph->value_count + 1, 1);
    tdi_text text = {0};
    if (is_cut) {
        for (size_t i = 0; i < count; i++)
            is_cut[cuts[i].tensors[0]] = 1;
        print(&text, graph, is_cut);
    }
    tdi_free(is_cut);
    tdi_free(cuts);
    *out = tdi_text_take(&text);
    return *out ? TD_OK : tdi_fail_memory(err);
}
