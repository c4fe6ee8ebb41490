/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding out what follows from shapes alone, and taking it out of the graph.
 *
 * The graph is inferred and, as far as constants and shapes tell its values, evaluated; with a
 * symbolic batch three times, for batches of 1, 2 and 3. What is the same each time is a constant.
 */
#include "graph/shapes.h"

#include <stdio.h>
#include <string.h>

#include "graph/build.h"
#include "graph/eval/element.h"
#include "graph/eval/eval.h"

/* Largest tensor, and all that may be read and written, while evaluating. */
#define TENSOR_BYTES_MAX ((size_t)16 << 20)
#define WORK_BYTES_MAX   ((size_t)512 << 20)
/* What is computed from constants alone may be an argument up to this size. */
#define ARGUMENT_BYTES_MAX 1024
/* TopK compares each with each. */
#define TOPK_BYTES_MAX 4096

typedef struct folding {
    tdi_graph *graph;
    int value_count;   /* before constants are added */
    int probe_count;   /* how many there are */
    int probe_reached; /* how many went through to the end */
    tdi_probe probes[TDI_SHAPE_PROBES];
    uint8_t *from_shape; /* per value: a shape is part of it */
    uint8_t *stays;      /* per value: known, but needed as a result */
    size_t work;         /* bytes left */
    int found;           /* whether anything is known */
} folding;

static void folding_fini(folding *f) {
    for (int k = 0; k < f->probe_count; k++) {
        for (int v = 0; f->probes[k].known && v < f->value_count; v++)
            tdi_tensor_unref(f->probes[k].known[v]);
        tdi_free(f->probes[k].known);
        tdi_free(f->probes[k].shapes);
    }
    tdi_free(f->from_shape);
    tdi_free(f->stays);
}

static td_status folding_init(folding *f, tdi_graph *graph, td_error *err) {
    size_t values = (size_t)graph->value_count + 1;
    f->graph = graph;
    f->value_count = graph->value_count;
    f->work = WORK_BYTES_MAX;
    f->probe_count = graph->symbolic_batch ? TDI_SHAPE_PROBES : 1;
    f->from_shape = tdi_calloc(values, 1);
    f->stays = tdi_calloc(values, 1);
    int failed = !f->from_shape || !f->stays;
    for (int k = 0; k < f->probe_count; k++) {
        f->probes[k].shapes = tdi_calloc(values, sizeof *f->probes[k].shapes);
        f->probes[k].known = tdi_calloc(values, sizeof *f->probes[k].known);
        failed |= !f->probes[k].shapes || !f->probes[k].known;
    }
    return failed ? tdi_fail_memory(err) : TD_OK;
}

static int looks_at_shape_only(const tdi_node *node) {
    return !strcmp(node->op->type, "Shape") || !strcmp(node->op->type, "Size");
}

static size_t bytes_of(const tdi_value *value) {
    int64_t elements = td_shape_elements(&value->shape);
    return elements < 0 ? SIZE_MAX : (size_t)elements * td_dtype_bytes(value->dtype);
}

/* Whether all inputs of the node are known and what it does is affordable. */
static int may_evaluate(folding *f, const tdi_node *node) {
    const tdi_graph *graph = f->graph;
    int from_shape = looks_at_shape_only(node);
    size_t total = 0, most = strcmp(node->op->type, "TopK") ? TENSOR_BYTES_MAX : TOPK_BYTES_MAX;
    for (int i = 0; i < node->input_count && !from_shape; i++)
        from_shape = node->inputs[i] >= 0 && f->from_shape[node->inputs[i]];
    for (int i = 0; i < node->input_count && !looks_at_shape_only(node); i++) {
        const tdi_value *value = tdi_node_input(graph, node, i);
        if (!value)
            continue;
        if (!value->data || value->data->bytes > most)
            return 0;
        total += value->data->bytes;
    }
    for (int i = 0; i < node->output_count; i++) {
        const tdi_value *value = tdi_node_output(graph, node, i);
        if (!value)
            continue;
        if (bytes_of(value) > (from_shape ? most : ARGUMENT_BYTES_MAX))
            return 0;
        total += bytes_of(value);
    }
    if (total > f->work)
        return 0;
    f->work -= total;
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i] >= 0)
            f->from_shape[node->outputs[i]] = (uint8_t)from_shape;
    return 1;
}

static td_status evaluate(folding *f, const tdi_node *node, td_error *err) {
    for (int i = 0; i < node->output_count; i++) {
        tdi_value *value = tdi_node_output(f->graph, node, i);
        if (!value)
            continue;
        TD_TRY(tdi_eval_node(f->graph, node, i, &value->data, err));
        if (!value->data)
            return TD_OK;
        /* Sizes are no pictures: no operator on them mixes any. */
        value->depends_on_input = 0;
        f->found = 1;
    }
    return TD_OK;
}

static td_status walk(folding *f, int64_t batch, td_error *err) {
    tdi_graph *graph = f->graph;
    TD_TRY(tdi_graph_infer_begin(graph, batch, err));
    for (int n = 0; n < graph->node_count; n++) {
        TD_TRY(tdi_graph_infer_node(graph, &graph->nodes[n], err));
        if (may_evaluate(f, &graph->nodes[n]))
            TD_TRY(evaluate(f, &graph->nodes[n], err));
    }
    return TD_OK;
}

/* Moves what the walk found to the probe; the graph is as before. */
static void collect(folding *f, tdi_probe *probe) {
    for (int v = 0; v < f->value_count; v++) {
        tdi_value *value = &f->graph->values[v];
        probe->shapes[v] = value->shape;
        if (value->producer < 0)
            continue;
        probe->known[v] = value->data;
        value->data = NULL;
        value->shape.rank = -1;
    }
}

static td_status probe(folding *f, td_error *err) {
    for (int k = 0; k < f->probe_count; k++) {
        td_error ignored;
        td_status status = walk(f, k + 1, k ? &ignored : err);
        collect(f, &f->probes[k]);
        if (status != TD_OK && k == 0)
            return status;
        if (status == TD_MEMORY)
            return tdi_fail_memory(err);
        if (!f->found)
            break;
        if (status != TD_OK)
            break; /* with one picture it runs all the same */
        f->probe_reached++;
    }
    return tdi_graph_infer_begin(f->graph, 1, err);
}

static int is_known(const folding *f, int value) {
    return value >= 0 && value < f->value_count && f->probes[0].known[value];
}

static int same(const tdi_tensor *a, const tdi_tensor *b) {
    return a && b && a->dtype == b->dtype && td_shape_equal(&a->shape, &b->shape) &&
           (a->bytes == 0 || memcmp(a->data, b->data, a->bytes) == 0);
}

/* The same for any batch. */
static int is_settled(const folding *f, int value) {
    for (int k = 1; k < f->probe_count; k++)
        if (!same(f->probes[0].known[value], f->probes[k].known[value]))
            return 0;
    return 1;
}

/* As the Cast behind float16 weights: they are stored as they are in the file. */
static int is_weight(const folding *f, int value) {
    const tdi_tensor *known = f->probes[0].known[value];
    return !f->from_shape[value] && tdi_dtype_is_float(known->dtype) &&
           td_shape_elements(&known->shape) > 1;
}

/* Known outputs of the graph and weights stay, and all that they are computed from. */
static void mark_stays(folding *f) {
    const tdi_graph *graph = f->graph;
    for (int v = 0; v < f->value_count; v++)
        f->stays[v] = is_known(f, v) && is_weight(f, v);
    for (int i = 0; i < graph->output_count; i++)
        f->stays[graph->outputs[i]] = (uint8_t)is_known(f, graph->outputs[i]);
    for (int n = graph->node_count - 1; n >= 0; n--) {
        const tdi_node *node = &graph->nodes[n];
        int stays = 0;
        for (int i = 0; i < node->output_count; i++)
            stays |= node->outputs[i] >= 0 && f->stays[node->outputs[i]];
        for (int i = 0; i < node->input_count && stays; i++)
            if (is_known(f, node->inputs[i]))
                f->stays[node->inputs[i]] = 1;
    }
}

/* Whether nobody needs the node any more. */
static int is_gone(const folding *f, const tdi_node *node) {
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i] >= 0 && (!is_known(f, node->outputs[i]) || f->stays[node->outputs[i]]))
            return 0;
    return 1;
}

static int keep_reason(tdi_graph *graph, const tdi_node *node, int index) {
    char text[TD_ERROR_MESSAGE_BYTES];
    (void)snprintf(text, sizeof text,
                   "%s node \"%.100s\" takes \"%.100s\", which is computed from the batch and has "
                   "no form that holds for any",
                   node->op->type, node->name, graph->values[node->inputs[index]].name);
    graph->batch_reason = tdi_arena_strdup(&graph->arena, text);
    return graph->batch_reason ? 0 : -1;
}

static void fix_batch(tdi_graph *graph) {
    graph->symbolic_batch = 0;
    for (int i = 0; i < graph->input_count; i++)
        graph->values[graph->inputs[i]].batched = 0;
}

/* Gives every node that stays arguments for any batch, or fixes the batch. */
static td_status generalize(folding *f, td_error *err) {
    tdi_graph *graph = f->graph;
    for (int n = 0; n < graph->node_count; n++) {
        if (is_gone(f, &graph->nodes[n]))
            continue;
        for (int i = 0; i < graph->nodes[n].input_count; i++) {
            int value = graph->nodes[n].inputs[i];
            if (!is_known(f, value) || f->stays[value] || is_settled(f, value))
                continue;
            int done = 0;
            if (f->probe_reached == TDI_SHAPE_PROBES)
                done = tdi_shapes_generalize(graph, n, i, f->probes);
            if (done < 0 || (!done && keep_reason(graph, &graph->nodes[n], i)))
                return tdi_fail_memory(err);
            if (!done) {
                fix_batch(graph);
                return TD_OK;
            }
        }
    }
    return TD_OK;
}

static void apply(folding *f) {
    tdi_graph *graph = f->graph;
    int kept = 0;
    for (int n = 0; n < graph->node_count; n++) {
        tdi_node node = graph->nodes[n];
        int gone = is_gone(f, &node);
        for (int i = 0; i < node.output_count; i++)
            if (node.outputs[i] >= 0)
                graph->values[node.outputs[i]].producer = gone ? -1 : kept;
        if (gone)
            tdi_node_fini(&node);
        else
            graph->nodes[kept++] = node;
    }
    graph->node_count = kept;
    for (int v = 0; v < f->value_count; v++) {
        tdi_value *value = &graph->values[v];
        tdi_tensor *tensor = f->probes[0].known[v];
        if (!tensor || f->stays[v] || value->producer >= 0 ||
            (graph->symbolic_batch && !is_settled(f, v)))
            continue;
        value->data = tdi_tensor_ref(tensor);
        value->dtype = tensor->dtype;
        value->shape = tensor->shape;
    }
}

td_status tdi_shapes_fold(tdi_graph *graph, td_error *err) {
    folding f = {0};
    td_status status = folding_init(&f, graph, err);
    if (status == TD_OK)
        status = probe(&f, err);
    if (status == TD_OK && f.found) {
        mark_stays(&f);
        status = generalize(&f, err);
        if (status == TD_OK)
            apply(&f);
    }
    folding_fini(&f);
    return status;
}
