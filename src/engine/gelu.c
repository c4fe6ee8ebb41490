/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding Gelu where an exporter wrote it out: x * (1 + erf(x / sqrt(2))) / 2, with the half on
 * either side.
 */
#include "engine/gelu.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "graph/op.h"

typedef struct finder {
    tdi_graph *graph;
    int *uses;           /* per value: by nodes and as an output of the graph */
    unsigned char *gone; /* per node */
} finder;

static const tdi_node *producer_of(const finder *f, int value) {
    int producer = value < 0 ? -1 : f->graph->values[value].producer;
    return producer < 0 ? NULL : &f->graph->nodes[producer];
}

static int is_type(const tdi_node *node, const char *type) {
    return node && strcmp(node->op->type, type) == 0;
}

/* Whether a value is that one number, as far as float32 goes. */
static int is_number(const finder *f, int value, double number) {
    const tdi_tensor *data = f->graph->values[value].data;
    return data && data->dtype == TD_DTYPE_F32 && td_shape_elements(&data->shape) == 1 &&
           fabs((double)*(const float *)data->data - number) < 1e-6;
}

/* The other factor or summand of a node of that type that has the number `number`; -1. */
static int other_than_number(const finder *f, const tdi_node *node, const char *type,
                             double number) {
    if (!is_type(node, type))
        return -1;
    for (int i = 0; i < 2; i++)
        if (is_number(f, node->inputs[i], number))
            return node->inputs[1 - i];
    return -1;
}

/* x, where the node divides it by sqrt(2) or multiplies by its inverse; -1. */
static int scaled_by_root(const finder *f, const tdi_node *node) {
    if (is_type(node, "Div") && is_number(f, node->inputs[1], sqrt(2)))
        return node->inputs[0];
    return other_than_number(f, node, "Mul", sqrt(0.5));
}

/* x, where `value` is 1 + erf(x / sqrt(2)) and nobody else reads what is on the way; -1. */
static int from_erf(const finder *f, int value) {
    int erf = other_than_number(f, producer_of(f, value), "Add", 1);
    if (erf < 0 || f->uses[value] != 1 || f->uses[erf] != 1 || !is_type(producer_of(f, erf), "Erf"))
        return -1;
    int scaled = producer_of(f, erf)->inputs[0];
    return f->uses[scaled] == 1 ? scaled_by_root(f, producer_of(f, scaled)) : -1;
}

/* Marks the nodes between x and 1 + erf(x / sqrt(2)). */
static void drop_erf(finder *f, int value) {
    const tdi_node *add = producer_of(f, value);
    int erf = add->inputs[is_type(producer_of(f, add->inputs[0]), "Erf") ? 0 : 1];
    f->gone[f->graph->values[value].producer] = 1;
    f->gone[f->graph->values[erf].producer] = 1;
    f->gone[f->graph->values[producer_of(f, erf)->inputs[0]].producer] = 1;
}

/*
 * The last multiplication has as factors either 0.5 and x * (1 + erf), or 1 + erf and x * 0.5, or
 * x and (1 + erf) * 0.5.
 */
static int match(finder *f, const tdi_node *last) {
    for (int i = 0; i < 2 && is_type(last, "Mul"); i++) {
        int half = last->inputs[i], rest = last->inputs[1 - i];
        const tdi_node *inner = producer_of(f, rest);
        if (is_number(f, half, 0.5) && is_type(inner, "Mul") && f->uses[rest] == 1) {
            for (int k = 0; k < 2; k++) {
                int x = from_erf(f, inner->inputs[k]);
                if (x >= 0 && x == inner->inputs[1 - k]) {
                    drop_erf(f, inner->inputs[k]);
                    f->gone[f->graph->values[rest].producer] = 1;
                    return x;
                }
            }
        }
        int halved = other_than_number(f, inner, "Mul", 0.5);
        if (halved < 0 || f->uses[rest] != 1)
            continue;
        int erf = from_erf(f, half) >= 0 ? half : halved, x = from_erf(f, erf);
        if (x >= 0 && x == (erf == half ? halved : half)) {
            drop_erf(f, erf);
            f->gone[f->graph->values[rest].producer] = 1;
            return x;
        }
    }
    return -1;
}

static void remove_gone(finder *f) {
    tdi_graph *graph = f->graph;
    int kept = 0;
    for (int n = 0; n < graph->node_count; n++) {
        const tdi_node *node = &graph->nodes[n];
        for (int i = 0; i < node->output_count; i++)
            if (node->outputs[i] >= 0)
                graph->values[node->outputs[i]].producer = f->gone[n] ? -1 : kept;
        if (!f->gone[n])
            graph->nodes[kept++] = *node;
    }
    graph->node_count = kept;
}

static void count_uses(finder *f) {
    const tdi_graph *graph = f->graph;
    for (int n = 0; n < graph->node_count; n++)
        for (int i = 0; i < graph->nodes[n].input_count; i++)
            if (graph->nodes[n].inputs[i] >= 0)
                f->uses[graph->nodes[n].inputs[i]]++;
    for (int i = 0; i < graph->output_count; i++)
        f->uses[graph->outputs[i]]++;
}

/* x is read twice, by the product and by what leads to erf: it is no node on the way. */
td_status tdi_gelu_find(tdi_graph *graph, td_error *err) {
    finder f = {.graph = graph};
    f.uses = tdi_calloc((size_t)graph->value_count + 1, sizeof *f.uses);
    f.gone = tdi_calloc((size_t)graph->node_count + 1, 1);
    td_status status = f.uses && f.gone ? TD_OK : tdi_fail_memory(err);
    if (status == TD_OK)
        count_uses(&f);
    for (int n = 0; n < graph->node_count && status == TD_OK; n++) {
        tdi_node *node = &graph->nodes[n];
        int x = match(&f, node);
        if (x < 0)
            continue;
        node->op = tdi_op_find("Gelu");
        node->input_count = 1;
        node->inputs[0] = x;
    }
    if (status == TD_OK)
        remove_gone(&f);
    tdi_free(f.uses);
    tdi_free(f.gone);
    return status;
}
