/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running shape inference over a whole graph with the batch bound to a number. What one operator
 * does is op_*.c's.
 */
#include <string.h>

#include "graph/op.h"
#include "graph/op_util.h"

/* Attribute names mean one kind in all operators of the table, but for one. */
static const struct {
    const char *name;
    tdi_attr_kind kind;
} attr_kinds[] = {
    {"allowzero", TDI_ATTR_INT},
    {"alpha", TDI_ATTR_FLOAT},
    {"antialias", TDI_ATTR_INT},
    {"approximate", TDI_ATTR_STRING},
    {"auto_pad", TDI_ATTR_STRING},
    {"axes", TDI_ATTR_INTS},
    {"axis", TDI_ATTR_INT},
    {"batch_dims", TDI_ATTR_INT},
    {"beta", TDI_ATTR_FLOAT},
    {"bias", TDI_ATTR_FLOAT},
    {"blocksize", TDI_ATTR_INT},
    {"ceil_mode", TDI_ATTR_INT},
    {"coordinate_transformation_mode", TDI_ATTR_STRING},
    {"count_include_pad", TDI_ATTR_INT},
    {"cubic_coeff_a", TDI_ATTR_FLOAT},
    {"dilations", TDI_ATTR_INTS},
    {"end", TDI_ATTR_INT},
    {"ends", TDI_ATTR_INTS},
    {"epsilon", TDI_ATTR_FLOAT},
    {"exclude_outside", TDI_ATTR_INT},
    {"extrapolation_value", TDI_ATTR_FLOAT},
    {"fmod", TDI_ATTR_INT},
    {"gamma", TDI_ATTR_FLOAT},
    {"group", TDI_ATTR_INT},
    {"k", TDI_ATTR_INT},
    {"keep_aspect_ratio_policy", TDI_ATTR_STRING},
    {"keepdims", TDI_ATTR_INT},
    {"kernel_shape", TDI_ATTR_INTS},
    {"largest", TDI_ATTR_INT},
    {"max", TDI_ATTR_FLOAT},
    {"min", TDI_ATTR_FLOAT},
    {"mode", TDI_ATTR_STRING},
    {"momentum", TDI_ATTR_FLOAT},
    {"nearest_mode", TDI_ATTR_STRING},
    {"noop_with_empty_axes", TDI_ATTR_INT},
    {"num_groups", TDI_ATTR_INT},
    {"num_outputs", TDI_ATTR_INT},
    {"output_padding", TDI_ATTR_INTS},
    {"output_shape", TDI_ATTR_INTS},
    {"p", TDI_ATTR_INT},
    {"pads", TDI_ATTR_INTS},
    {"perm", TDI_ATTR_INTS},
    {"reduction", TDI_ATTR_STRING},
    {"saturate", TDI_ATTR_INT},
    {"scales", TDI_ATTR_FLOATS},
    {"select_last_index", TDI_ATTR_INT},
    {"size", TDI_ATTR_INT},
    {"sorted", TDI_ATTR_INT},
    {"spatial", TDI_ATTR_INT},
    {"split", TDI_ATTR_INTS},
    {"start", TDI_ATTR_INT},
    {"starts", TDI_ATTR_INTS},
    {"stash_type", TDI_ATTR_INT},
    {"storage_order", TDI_ATTR_INT},
    {"strides", TDI_ATTR_INTS},
    {"to", TDI_ATTR_INT},
    {"training_mode", TDI_ATTR_INT},
    {"transA", TDI_ATTR_INT},
    {"transB", TDI_ATTR_INT},
    {"upper", TDI_ATTR_INT},
    {"value", TDI_ATTR_FLOAT},
    {"value", TDI_ATTR_TENSOR},
};

static td_status check_attrs(const tdi_node *node, td_error *err) {
    for (size_t a = 0; a < node->attr_count; a++) {
        const tdi_attr *attr = &node->attrs[a];
        int known = 0, fits = 0;
        for (size_t i = 0; i < sizeof attr_kinds / sizeof *attr_kinds; i++)
            if (strcmp(attr_kinds[i].name, attr->name) == 0) {
                known = 1;
                fits |= attr_kinds[i].kind == attr->kind;
            }
        if (!known)
            return tdi_op_fail(node, err, TD_UNSUPPORTED, "attribute \"%.100s\" is not known",
                               attr->name);
        if (!fits)
            return tdi_op_fail(node, err, TD_FORMAT, "attribute %s is of the wrong kind",
                               attr->name);
    }
    return TD_OK;
}

static td_status check_arity(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    const tdi_op *op = node->op;
    if (graph->opset < op->since)
        return tdi_op_fail(node, err, TD_UNSUPPORTED, "opset %lld does not have this operator",
                           (long long)graph->opset);
    if (node->input_count < op->inputs_min ||
        (op->inputs_max >= 0 && node->input_count > op->inputs_max))
        return tdi_op_fail(node, err, TD_UNSUPPORTED, "%d inputs are not supported",
                           node->input_count);
    if (node->output_count < op->outputs_min ||
        (op->outputs_max >= 0 && node->output_count > op->outputs_max))
        return tdi_op_fail(
            node, err, TD_UNSUPPORTED,
            "%d outputs are not supported, only %d; export the network for inference, "
            "which leaves out the others",
            node->output_count, op->outputs_max);
    for (int i = 0; i < op->inputs_min || (op->inputs_max < 0 && i < node->input_count); i++)
        if (node->inputs[i] < 0)
            return tdi_op_fail(node, err, TD_FORMAT, "input %d is left out", i);
    for (int i = 0; i < op->outputs_min; i++)
        if (node->outputs[i] < 0)
            return tdi_op_fail(node, err, TD_FORMAT, "output %d is left out", i);
    return TD_OK;
}

static td_status bind_inputs(tdi_graph *graph, int64_t batch, td_error *err) {
    if (batch < 1 || batch > TDI_ELEMENTS_MAX)
        return tdi_fail(err, TD_ARGUMENT, "a batch of %lld pictures is not possible",
                        (long long)batch);
    if (batch != 1 && graph->batch_reason)
        return tdi_fail(err, TD_UNSUPPORTED,
                        "%s: the model runs one picture at a time only, not %lld",
                        graph->batch_reason, (long long)batch);
    if (batch != 1 && !graph->symbolic_batch)
        return tdi_fail(err, TD_UNSUPPORTED,
                        "the model's batch is fixed, so it cannot run with batch %lld; export it "
                        "with a symbolic batch axis",
                        (long long)batch);
    graph->batch = batch;
    for (int i = 0; i < graph->input_count; i++) {
        tdi_value *value = &graph->values[graph->inputs[i]];
        if (value->batched)
            value->shape.dim[0] = batch;
        int64_t elements = td_shape_elements(&value->shape);
        if (elements < 1 || elements > TDI_ELEMENTS_MAX)
            return tdi_fail(err, TD_LIMIT, "input \"%.100s\" has too many elements", value->name);
    }
    return TD_OK;
}

td_status tdi_graph_infer_begin(tdi_graph *graph, int64_t batch, td_error *err) {
    TD_TRY(bind_inputs(graph, batch, err));
    for (int i = 0; i < graph->value_count; i++)
        graph->values[i].depends_on_input = 0;
    for (int i = 0; i < graph->input_count; i++)
        graph->values[graph->inputs[i]].depends_on_input = 1;
    return TD_OK;
}

td_status tdi_graph_infer_node(tdi_graph *graph, tdi_node *node, td_error *err) {
    TD_TRY(check_arity(graph, node, err));
    TD_TRY(check_attrs(node, err));
    int depends = 0;
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] >= 0)
            depends |= graph->values[node->inputs[i]].depends_on_input;
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i] >= 0)
            graph->values[node->outputs[i]].depends_on_input = depends;
    TD_TRY(node->op->infer(graph, node, err));
    node->macs = depends && node->op->macs ? node->op->macs(graph, node) / graph->batch : 0;
    return TD_OK;
}

td_status tdi_graph_infer(tdi_graph *graph, int64_t batch, td_error *err) {
    int64_t macs = 0;
    TD_TRY(tdi_graph_infer_begin(graph, batch, err));
    for (int n = 0; n < graph->node_count; n++) {
        tdi_node *node = &graph->nodes[n];
        TD_TRY(tdi_graph_infer_node(graph, node, err));
        if (node->macs > INT64_MAX - macs)
            return tdi_op_fail(node, err, TD_LIMIT, "the model has too many operations to count");
        macs += node->macs;
    }
    return TD_OK;
}

td_status tdi_graph_settle(tdi_graph *graph, td_error *err) {
    enum { PROBE = 2 };
    td_shape *probed = NULL;
    td_status status;

    if (graph->symbolic_batch && graph->value_count) {
        probed = tdi_calloc((size_t)graph->value_count, sizeof *probed);
        if (!probed)
            return tdi_fail_memory(err);
        /* A network that runs with batch 1 only is still good: what comes before the operator that
         * fails follows the batch, what comes after does not. */
        td_error ignored;
        (void)tdi_graph_infer(graph, PROBE, &ignored);
        for (int i = 0; i < graph->value_count; i++) {
            probed[i] = graph->values[i].shape;
            if (graph->values[i].producer >= 0)
                graph->values[i].shape.rank = -1;
        }
    }
    status = tdi_graph_infer(graph, 1, err);
    for (int i = 0; status == TD_OK && probed && i < graph->value_count; i++) {
        tdi_value *value = &graph->values[i];
        td_shape expected = value->shape;
        if (value->producer < 0 || !value->depends_on_input || expected.rank < 1)
            continue;
        expected.dim[0] *= PROBE;
        value->batched = value->shape.dim[0] == 1 && td_shape_equal(&expected, &probed[i]);
    }
    tdi_free(probed);
    return status;
}
