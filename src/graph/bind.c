/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binding the sizes of inputs.
 */
#include "graph/bind.h"

#include <string.h>

#include "base/text.h"
#include "graph/shapes.h"

static td_status fail_input(const tdi_graph *graph, const char *name, td_error *err) {
    tdi_text known = {0};
    for (int i = 0; i < graph->input_count; i++)
        tdi_text_append(&known, "%s\"%.60s\"", i ? ", " : "", graph->values[graph->inputs[i]].name);
    const char *list = known.data ? known.data : "none";
    td_status status = TD_OK;
    if (name)
        status = tdi_fail(err, TD_NOT_FOUND, "the model has no input \"%.100s\": it has %s", name,
                          list);
    else
        status = tdi_fail(err, TD_ARGUMENT,
                          "the model has several inputs: say whose shape it is (%s)", list);
    tdi_text_fini(&known);
    return status;
}

static td_status find_input(const tdi_graph *graph, const char *name, tdi_value **out,
                            td_error *err) {
    for (int i = 0; i < graph->input_count; i++) {
        tdi_value *value = &graph->values[graph->inputs[i]];
        if (name ? !strcmp(value->name, name) : graph->input_count == 1) {
            *out = value;
            return TD_OK;
        }
    }
    return fail_input(graph, name, err);
}

static const char *axis_name(const tdi_value *value, int axis) {
    return value->axes ? value->axes[axis] : NULL;
}

static td_status bind_shape(tdi_value *value, const td_shape *shape, td_error *err) {
    char wanted[96], given[96];
    td_shape_format(&value->shape, wanted, sizeof wanted);
    td_shape_format(shape, given, sizeof given);
    int fits = shape->rank == value->shape.rank;
    for (int i = 0; fits && i < shape->rank; i++) {
        int64_t dim = value->shape.dim[i];
        fits = shape->dim[i] != 0 && (dim < 0 || shape->dim[i] < 0 || shape->dim[i] == dim);
    }
    if (!fits)
        return tdi_fail(err, TD_MISMATCH,
                        "input \"%.100s\" is %s in the file (N: any size) and cannot be %s",
                        value->name, wanted, given);
    for (int i = 0; i < shape->rank; i++)
        if (shape->dim[i] > 0)
            value->shape.dim[i] = shape->dim[i];
    return TD_OK;
}

/* What `name` was bound to in any input; -1: nothing. */
static int64_t bound_size(const tdi_graph *bound, const tdi_graph *open, const char *name) {
    for (int i = 0; i < open->input_count; i++) {
        const tdi_value *declared = &open->values[open->inputs[i]];
        for (int axis = 0; axis < declared->shape.rank; axis++) {
            int64_t size = bound->values[bound->inputs[i]].shape.dim[axis];
            const char *other = axis_name(declared, axis);
            if (declared->shape.dim[axis] < 0 && size > 0 && other && !strcmp(other, name))
                return size;
        }
    }
    return -1;
}

/* Axes of one name have one size, unless told otherwise: some writers give all axes one name. */
static void bind_names(tdi_graph *graph, const tdi_graph *open) {
    for (int i = 0; i < graph->input_count; i++) {
        tdi_value *value = &graph->values[graph->inputs[i]];
        for (int axis = 0; axis < value->shape.rank; axis++) {
            const char *name = axis_name(value, axis);
            if (name && value->shape.dim[axis] < 0)
                value->shape.dim[axis] = bound_size(graph, open, name);
        }
    }
}

static td_status fail_open(const tdi_value *value, td_error *err) {
    tdi_text axes = {0}, example = {0};
    const char *separator = "";
    for (int i = 0; i < value->shape.rank; i++) {
        int64_t dim = value->shape.dim[i];
        tdi_text_append(&example, i ? "x" : "");
        if (dim > 0)
            tdi_text_append(&example, "%lld", (long long)dim);
        else
            tdi_text_append(&example, i ? "224" : "N");
        if (dim > 0 || i == 0)
            continue;
        tdi_text_append(&axes, "%saxis %d", separator, i);
        if (axis_name(value, i))
            tdi_text_append(&axes, " (%.60s)", axis_name(value, i));
        separator = ", ";
    }
    td_status status = tdi_fail(err, TD_ARGUMENT,
                                "input \"%.100s\" leaves open the size of %s: give its shape, for "
                                "example %.100s (--input-shape)",
                                value->name, axes.data ? axes.data : "an axis",
                                example.data ? example.data : "");
    tdi_text_fini(&axes);
    tdi_text_fini(&example);
    return status;
}

/* An axis 0 that is still open counts pictures. */
static td_status close_inputs(tdi_graph *graph, td_error *err) {
    for (int i = 0; i < graph->input_count; i++) {
        tdi_value *value = &graph->values[graph->inputs[i]];
        for (int axis = 1; axis < value->shape.rank; axis++)
            if (value->shape.dim[axis] < 0)
                return fail_open(value, err);
        value->batched = value->shape.rank > 0 && value->shape.dim[0] < 0;
        if (value->batched)
            value->shape.dim[0] = 1;
        graph->symbolic_batch |= value->batched;
    }
    return TD_OK;
}

static td_status bind_inputs(tdi_graph *graph, const tdi_graph *open, const td_input_shape *shapes,
                             size_t shape_count, td_error *err) {
    for (size_t i = 0; i < shape_count; i++) {
        tdi_value *value = NULL;
        TD_TRY(find_input(graph, shapes[i].input, &value, err));
        TD_TRY(bind_shape(value, &shapes[i].shape, err));
    }
    bind_names(graph, open);
    return close_inputs(graph, err);
}

td_status tdi_graph_prune(tdi_graph **graph, td_error *err) {
    tdi_graph *pruned = NULL;
    td_status status = tdi_graph_extract(*graph, (*graph)->inputs, (*graph)->input_count,
                                         (*graph)->outputs, (*graph)->output_count, &pruned, err);
    tdi_graph_free(*graph);
    *graph = pruned;
    return status;
}

static td_status check_outputs(const tdi_graph *graph, td_error *err) {
    for (int i = 0; i < graph->output_count; i++)
        if (!graph->values[graph->outputs[i]].depends_on_input)
            return tdi_fail(err, TD_UNSUPPORTED, "output \"%.100s\" does not depend on any input",
                            graph->values[graph->outputs[i]].name);
    return TD_OK;
}

td_status tdi_graph_bind(const tdi_graph *open, const td_input_shape *shapes, size_t shape_count,
                         tdi_graph **out, td_error *err) {
    tdi_graph *graph = NULL;
    td_status status = tdi_graph_copy(open, &graph, err);
    if (status == TD_OK)
        status = bind_inputs(graph, open, shapes, shape_count, err);
    if (status == TD_OK)
        status = tdi_shapes_fold(graph, err);
    if (status == TD_OK)
        status = tdi_graph_prune(&graph, err);
    if (status == TD_OK)
        status = tdi_graph_settle(graph, err);
    if (status == TD_OK)
        status = check_outputs(graph, err);
    if (status == TD_OK)
        *out = graph;
    else
        tdi_graph_free(graph);
    return status;
}
