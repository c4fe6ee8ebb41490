/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fusion. A value may vanish into a step only when exactly one operator reads it and it is not an
 * output of the graph. Where the second operand of an addition comes from is of no concern here: a
 * step is placed behind its last node, and the program copies an operand that may not be
 * overwritten.
 */
#include "engine/fuse.h"

#include <string.h>

#include "base/text.h"
#include "engine/backend.h"
#include "graph/op.h"

static const float *constant_floats(const tdi_graph *graph, const tdi_node *node, int index,
                                    int64_t count) {
    if (index >= node->input_count || node->inputs[index] < 0)
        return NULL;
    const tdi_tensor *data = graph->values[node->inputs[index]].data;
    if (!data || data->dtype != TD_DTYPE_F32 || td_shape_elements(&data->shape) != count)
        return NULL;
    return data->data;
}

static int fold_norm(tdi_step *step, const tdi_graph *graph, const tdi_node *node) {
    if (strcmp(node->op->type, "BatchNormalization") != 0 || step->post_count > 0)
        return 0;
    if (step->kind != TDI_STEP_CONV && step->kind != TDI_STEP_DENSE)
        return 0;
    const float *parameters[4];
    for (int i = 0; i < 4; i++) {
        parameters[i] = constant_floats(graph, node, i + 1, step->weights.outputs);
        if (!parameters[i])
            return 0;
    }
    tdi_weights_fold_norm(&step->weights, parameters[0], parameters[1], parameters[2],
                          parameters[3], tdi_node_float(node, "epsilon", 1e-5f));
    return 1;
}

static int add_post(tdi_step *step, const tdi_graph *graph, const tdi_post *post) {
    if (step->post_count == TDI_POSTS_MAX || !step->backend->fuses ||
        !step->backend->fuses(graph, step, post))
        return 0;
    step->posts[step->post_count++] = *post;
    return 1;
}

static int fuse_activation(tdi_step *step, const tdi_graph *graph, const tdi_node *node) {
    tdi_post post = {.kind = TDI_POST_ACTIVATION, .input = -1};
    return tdi_activation_of(graph, node, &post.activation) && add_post(step, graph, &post);
}

static int fuse_add(tdi_step *step, const tdi_graph *graph, const tdi_node *node) {
    if (strcmp(node->op->type, "Add") != 0)
        return 0;
    for (int i = 0; i < step->post_count; i++)
        if (step->posts[i].kind == TDI_POST_ADD)
            return 0;
    int other = node->inputs[node->inputs[0] == step->output ? 1 : 0];
    const tdi_value *sum = &graph->values[node->outputs[0]], *operand = &graph->values[other];
    if (operand->data || operand->dtype != sum->dtype ||
        !td_shape_equal(&operand->shape, &sum->shape) ||
        !td_shape_equal(&graph->values[step->output].shape, &sum->shape))
        return 0;
    tdi_post post = {.kind = TDI_POST_ADD, .input = step->input_count};
    if (!add_post(step, graph, &post))
        return 0;
    step->inputs[step->input_count++] = other;
    return 1;
}

td_status tdi_fuse(tdi_step *step, tdi_arena *arena, const tdi_graph *graph,
                   const tdi_readers *readers, unsigned char *taken, td_error *err) {
    tdi_text types = {0};
    while (readers[step->output].count == 1 && readers[step->output].node >= 0) {
        int index = readers[step->output].node;
        const tdi_node *node = &graph->nodes[index];
        /* A value may be read as a parameter, too: as a bound or a scale. */
        int is_data = node->inputs[0] == step->output || strcmp(node->op->type, "Add") == 0;
        if (taken[index] || !is_data)
            break;
        if (!fold_norm(step, graph, node) && !fuse_activation(step, graph, node) &&
            !fuse_add(step, graph, node))
            break;
        taken[index] = 1;
        step->last = index;
        step->output = node->outputs[0];
        tdi_text_append(&types, "+%s", node->op->type);
    }
    step->fused = "";
    if (types.size > 0)
        step->fused = tdi_arena_strndup(arena, types.data, types.size);
    int failed = types.failed || !step->fused;
    tdi_text_fini(&types);
    return failed ? tdi_fail_memory(err) : TD_OK;
}
