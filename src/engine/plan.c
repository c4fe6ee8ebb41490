/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From nodes to steps.
 */
#include "engine/plan.h"

#include <stdlib.h>
#include <string.h>

#include "engine/backend.h"
#include "engine/chain.h"
#include "engine/fuse.h"
#include "graph/eval/eval.h"
#include "graph/op.h"

typedef struct planner {
    tdi_plan *plan;
    const tdi_graph *graph;
    tdi_readers *readers; /* per value */
    unsigned char *taken; /* per node */
} planner;

static int is_constant(const tdi_value *value) {
    return value->data || !value->depends_on_input;
}

static int is_matrix(const tdi_value *value) {
    return value->shape.rank == 2 && value->dtype == TD_DTYPE_F32;
}

/* Whether Gemm's C is one constant per column: what a dense layer calls its bias. */
static int is_bias(const tdi_value *c, int64_t columns) {
    if (!c)
        return 1;
    int64_t elements = td_shape_elements(&c->shape);
    int last = c->shape.rank - 1;
    return is_constant(c) && c->dtype == TD_DTYPE_F32 &&
           (elements == 1 || (elements == columns && c->shape.dim[last] == columns));
}

static int is_dense(const tdi_graph *graph, const tdi_node *node) {
    const tdi_value *a = tdi_node_input(graph, node, 0), *b = tdi_node_input(graph, node, 1);
    if (!a || !b || !is_matrix(a) || !is_matrix(b) || !is_constant(b))
        return 0;
    if (strcmp(node->op->type, "MatMul") == 0)
        return 1;
    int64_t columns = b->shape.dim[tdi_node_int(node, "transB", 0) ? 0 : 1];
    return strcmp(node->op->type, "Gemm") == 0 && !tdi_node_int(node, "transA", 0) &&
           is_bias(tdi_node_input(graph, node, 2), columns);
}

tdi_step_kind tdi_step_kind_of(const tdi_graph *graph, const tdi_node *node) {
    const char *type = node->op->type;
    if (tdi_type_is_view(type))
        return TDI_STEP_VIEW;
    if (strcmp(type, "Conv") == 0) {
        const tdi_value *weights = tdi_node_input(graph, node, 1),
                        *bias = tdi_node_input(graph, node, 2);
        int constant = weights && is_constant(weights) && (!bias || is_constant(bias));
        return constant ? TDI_STEP_CONV : TDI_STEP_NODE;
    }
    return is_dense(graph, node) ? TDI_STEP_DENSE : TDI_STEP_NODE;
}

static int set_weights(const planner *p, tdi_step *step) {
    const tdi_graph *graph = p->graph;
    const tdi_node *node = step->node;
    const tdi_value *kernel = tdi_node_input(graph, node, 1),
                    *bias = tdi_node_input(graph, node, 2);
    int is_gemm = strcmp(node->op->type, "Gemm") == 0;
    int transposed = step->kind == TDI_STEP_DENSE && !tdi_node_int(node, "transB", 0);
    double alpha = is_gemm ? (double)tdi_node_float(node, "alpha", 1) : 1;
    double beta = is_gemm ? (double)tdi_node_float(node, "beta", 1) : 1;
    return tdi_weights_init(&step->weights, &p->plan->arena, kernel->data, transposed,
                            bias ? bias->data : NULL, alpha, beta);
}

/* How many of the node's inputs the step reads itself. */
static int own_inputs(const planner *p, const tdi_step *step) {
    tdi_activation activation;
    if (step->kind != TDI_STEP_NODE || tdi_activation_of(p->graph, step->node, &activation))
        return 1;
    return step->node->input_count;
}

static td_status make_step(planner *p, int index, int output, td_error *err) {
    const tdi_node *node = &p->graph->nodes[index];
    tdi_step *step = &p->plan->steps[p->plan->step_count];
    step->kind = tdi_step_kind_of(p->graph, node);
    step->node = node;
    step->last = index;
    step->output = node->outputs[output];
    step->output_index = output;
    step->fused = "";
    step->input_count = own_inputs(p, step);
    size_t room = (size_t)step->input_count + 1;
    step->inputs = tdi_arena_alloc(&p->plan->arena, room * sizeof *step->inputs);
    if (!step->inputs)
        return tdi_fail_memory(err);
    memcpy(step->inputs, node->inputs, (size_t)step->input_count * sizeof *step->inputs);
    p->taken[index] = 1;
    p->plan->step_count++;
    if (step->kind == TDI_STEP_VIEW)
        return TD_OK;
    step->backend = tdi_backend_for(p->graph, node, step->kind);
    if (!step->backend)
        return tdi_fail_at(err, TD_UNSUPPORTED, index,
                           "operator %s (node \"%s\") cannot be run in this form", node->op->type,
                           node->name);
    if (step->kind != TDI_STEP_NODE && set_weights(p, step) != 0)
        return tdi_fail_memory(err);
    return tdi_fuse(step, &p->plan->arena, p->graph, p->readers, p->taken, err);
}

/* A step for each output that somebody reads; the only one may be read by nobody. */
static td_status make_steps(planner *p, int index, td_error *err) {
    const tdi_node *node = &p->graph->nodes[index];
    for (int i = 0; i < node->output_count; i++)
        if (node->output_count == 1 ||
            (node->outputs[i] >= 0 && p->readers[node->outputs[i]].count > 0))
            TD_TRY(make_step(p, index, i, err));
    return TD_OK;
}

static void find_readers(planner *p) {
    const tdi_graph *graph = p->graph;
    for (int v = 0; v < graph->value_count; v++)
        p->readers[v].node = -1;
    for (int n = 0; n < graph->node_count; n++) {
        const tdi_node *node = &graph->nodes[n];
        for (int i = 0; i < node->input_count; i++) {
            if (node->inputs[i] < 0)
                continue;
            p->readers[node->inputs[i]].count++;
            p->readers[node->inputs[i]].node = n;
        }
    }
    for (int i = 0; i < graph->output_count; i++)
        p->readers[graph->outputs[i]].count++;
}

static int by_last(const void *a, const void *b) {
    const tdi_step *x = a, *y = b;
    return x->last < y->last ? -1 : x->last > y->last;
}

td_status tdi_plan_init(tdi_plan *plan, const tdi_graph *graph, int chains, td_error *err) {
    planner p = {.plan = plan, .graph = graph};
    td_status status = TD_OK;
    size_t nodes = (size_t)graph->node_count, outputs = 0;
    for (int n = 0; n < graph->node_count; n++)
        outputs += (size_t)graph->nodes[n].output_count;
    p.readers = tdi_arena_alloc(&plan->arena, ((size_t)graph->value_count + 1) * sizeof *p.readers);
    p.taken = tdi_arena_alloc(&plan->arena, nodes + 1);
    plan->steps = tdi_arena_alloc(&plan->arena, (outputs + 1) * sizeof *plan->steps);
    if (!p.readers || !p.taken || !plan->steps)
        return tdi_fail_memory(err);
    find_readers(&p);
    for (int n = 0; n < graph->node_count && status == TD_OK; n++)
        if (!p.taken[n] && !graph->values[graph->nodes[n].outputs[0]].data)
            status = make_steps(&p, n, err);
    if (status == TD_OK && chains)
        status = tdi_chain(plan, graph, p.readers, err);
    /* A step that took in an addition waits for the other operand. */
    qsort(plan->steps, (size_t)plan->step_count, sizeof *plan->steps, by_last);
    return status;
}

void tdi_plan_fini(tdi_plan *plan) {
    tdi_arena_free(&plan->arena);
    plan->steps = NULL;
    plan->step_count = 0;
}
