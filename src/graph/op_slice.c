/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operators that take tensors apart, put them together or surround them: Slice, Split, Concat, Pad.
 */
#include <string.h>

#include "graph/op_util.h"

td_status tdi_concat_resolve(const tdi_graph *graph, const tdi_node *node, int *axis,
                             td_error *err) {
    const tdi_attr *attr = tdi_node_attr(node, "axis");
    if (!attr || attr->kind != TDI_ATTR_INT)
        return tdi_op_fail(node, err, TD_FORMAT, "attribute axis is missing");
    return tdi_op_axis(node, attr->i, tdi_node_input(graph, node, 0)->shape.rank, axis, err);
}

td_status tdi_infer_concat(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    int axis;
    TD_TRY(tdi_op_check(graph, node, 0, 1, TD_RANK_MAX, 0, err));
    const tdi_value *first = tdi_node_input(graph, node, 0);
    td_shape shape = first->shape;
    TD_TRY(tdi_concat_resolve(graph, node, &axis, err));
    TD_TRY(tdi_op_refuse_batch_axis(graph, node, tdi_node_output(graph, node, 0), axis, err));
    for (int i = 1; i < node->input_count; i++) {
        TD_TRY(tdi_op_check(graph, node, i, shape.rank, shape.rank, 0, err));
        TD_TRY(tdi_op_check_same(graph, node, 0, i, err));
        const tdi_value *x = tdi_node_input(graph, node, i);
        td_shape other = x->shape;
        other.dim[axis] = shape.dim[axis];
        if (!td_shape_equal(&shape, &other))
            return tdi_op_fail(node, err, TD_FORMAT,
                               "\"%.100s\" differs in more than axis %d from the inputs before it",
                               x->name, axis);
        /* Below 2^31 per input, and no more inputs than an int counts. */
        shape.dim[axis] += x->shape.dim[axis];
    }
    return tdi_op_output(graph, node, 0, first->dtype, &shape, err);
}

static int64_t clamp(int64_t x, int64_t low, int64_t high) {
    return x < low ? low : x > high ? high : x;
}

/* One axis as numpy slices it. */
static void slice_axis(int64_t dim, int64_t start, int64_t end, int64_t step, int64_t *first,
                       int64_t *count) {
    int64_t low = step > 0 ? 0 : -1, high = step > 0 ? dim : dim - 1;
    start = clamp(start < 0 && start >= -dim ? start + dim : start, low, high);
    end = clamp(end < 0 && end >= -dim ? end + dim : end, low, high);
    int64_t span = step > 0 ? end - start : start - end;
    /* A step of INT64_MIN has no positive counterpart; any step beyond the axis takes one element.
     */
    int64_t stride = step > 0 ? step : step < -dim ? dim + 1 : -step;
    *first = start;
    *count = span > 0 ? (span - 1) / stride + 1 : 0;
}

td_status tdi_slice_resolve(const tdi_graph *graph, const tdi_node *node, tdi_slice *out,
                            td_error *err) {
    const tdi_value *x = tdi_node_input(graph, node, 0);
    int64_t starts[TD_RANK_MAX], ends[TD_RANK_MAX], axes[TD_RANK_MAX], steps[TD_RANK_MAX];
    int start_count, end_count, axis_count, step_count = -1, seen[TD_RANK_MAX] = {0};

    TD_TRY(tdi_op_ints(graph, node, 10, "starts", 1, TD_RANK_MAX, starts, &start_count, err));
    TD_TRY(tdi_op_ints(graph, node, 10, "ends", 2, TD_RANK_MAX, ends, &end_count, err));
    TD_TRY(tdi_op_ints(graph, node, 10, "axes", 3, TD_RANK_MAX, axes, &axis_count, err));
    if (graph->opset >= 10)
        TD_TRY(tdi_op_constant_ints(graph, node, 4, TD_RANK_MAX, steps, &step_count, err));
    if (start_count < 0 || start_count > x->shape.rank || end_count != start_count ||
        (axis_count >= 0 && axis_count != start_count) ||
        (step_count >= 0 && step_count != start_count))
        return tdi_op_fail(node, err, TD_FORMAT,
                           "starts, ends, axes and steps do not have the same length");
    for (int i = 0; i < x->shape.rank; i++) {
        out->start[i] = 0;
        out->step[i] = 1;
        out->count[i] = x->shape.dim[i];
    }
    for (int i = 0; i < start_count; i++) {
        int axis;
        TD_TRY(tdi_op_axis(node, axis_count >= 0 ? axes[i] : i, x->shape.rank, &axis, err));
        int64_t step = step_count >= 0 ? steps[i] : 1;
        if (step == 0 || seen[axis]++)
            return tdi_op_fail(node, err, TD_FORMAT,
                               step ? "axis %d is given twice" : "the step of axis %d is 0", axis);
        slice_axis(x->shape.dim[axis], starts[i], ends[i], step, &out->start[axis],
                   &out->count[axis]);
        out->step[axis] = step;
    }
    if (x->shape.rank > 0 && out->count[0] != x->shape.dim[0])
        TD_TRY(tdi_op_refuse_batch_axis(graph, node, x, 0, err));
    return TD_OK;
}

td_status tdi_infer_slice(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    tdi_slice slice;
    TD_TRY(tdi_op_check(graph, node, 0, 1, TD_RANK_MAX, 0, err));
    TD_TRY(tdi_slice_resolve(graph, node, &slice, err));
    const tdi_value *x = tdi_node_input(graph, node, 0);
    td_shape shape = tdi_shape_of(x->shape.rank, slice.count);
    return tdi_op_output(graph, node, 0, x->dtype, &shape, err);
}

/* Lengths of the parts: given, or the axis in equal parts with what is left in the last. */
static td_status split_lengths(const tdi_graph *graph, const tdi_node *node, int64_t dim,
                               int64_t *lengths, td_error *err) {
    int count = node->output_count, given;
    TD_TRY(tdi_op_ints(graph, node, 13, "split", 1, count, lengths, &given, err));
    if (given >= 0 && given != count)
        return tdi_op_fail(node, err, TD_FORMAT, "%d lengths for %d outputs", given, count);
    if (given >= 0)
        return TD_OK;
    if (graph->opset >= 18 && tdi_node_int(node, "num_outputs", count) != count)
        return tdi_op_fail(node, err, TD_FORMAT, "num_outputs is not %d", count);
    if (graph->opset < 18 && dim % count)
        return tdi_op_fail(node, err, TD_FORMAT, "%lld cannot be split into %d equal parts",
                           (long long)dim, count);
    int64_t length = (dim + count - 1) / count;
    for (int i = 0; i < count; i++)
        lengths[i] = i < count - 1 ? length : dim - (count - 1) * length;
    return TD_OK;
}

td_status tdi_split_resolve(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                            tdi_split *out, td_error *err) {
    const tdi_value *x = tdi_node_input(graph, node, 0);
    int count = node->output_count;
    int64_t *start = tdi_arena_alloc(arena, ((size_t)count + 1) * sizeof *start), at = 0;
    if (!start)
        return tdi_fail_memory(err);
    TD_TRY(tdi_axis_resolve(graph, node, 0, &out->axis, err));
    TD_TRY(tdi_op_refuse_batch_axis(graph, node, x, out->axis, err));
    int64_t dim = x->shape.dim[out->axis];
    TD_TRY(split_lengths(graph, node, dim, start, err));
    for (int i = 0; i < count; i++) {
        int64_t length = start[i];
        if (length < 0 || length > dim - at)
            return tdi_op_fail(node, err, TD_FORMAT, "the parts are not %lld together",
                               (long long)dim);
        start[i] = at;
        at += length;
    }
    if (at != dim)
        return tdi_op_fail(node, err, TD_FORMAT, "the parts are not %lld together", (long long)dim);
    start[count] = at;
    out->start = start;
    return TD_OK;
}

td_status tdi_infer_split(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    tdi_arena arena = {NULL};
    tdi_split split;
    TD_TRY(tdi_op_check(graph, node, 0, 1, TD_RANK_MAX, 0, err));
    td_status status = tdi_split_resolve(graph, node, &arena, &split, err);
    const tdi_value *x = tdi_node_input(graph, node, 0);
    for (int i = 0; status == TD_OK && i < node->output_count; i++) {
        td_shape shape = x->shape;
        shape.dim[split.axis] = split.start[i + 1] - split.start[i];
        status = tdi_op_output(graph, node, i, x->dtype, &shape, err);
    }
    tdi_arena_free(&arena);
    return status;
}

static td_status read_mode(const tdi_node *node, tdi_pad_mode *out, td_error *err) {
    const char *text = tdi_node_string(node, "mode", "constant");
    if (!strcmp(text, "constant"))
        *out = TDI_PAD_CONSTANT;
    else if (!strcmp(text, "reflect"))
        *out = TDI_PAD_REFLECT;
    else if (!strcmp(text, "edge"))
        *out = TDI_PAD_EDGE;
    else if (!strcmp(text, "wrap"))
        *out = TDI_PAD_WRAP;
    else
        return tdi_op_fail(node, err, TD_UNSUPPORTED, "mode \"%.20s\"", text);
    return TD_OK;
}

/* Negative pads leave something; reflecting and wrapping do not run out of elements. */
static td_status check_pads(const tdi_node *node, tdi_pad_mode mode, int64_t dim, int axis,
                            int64_t begin, int64_t end, td_error *err) {
    if (begin < -TDI_ELEMENTS_MAX || end < -TDI_ELEMENTS_MAX)
        return tdi_op_fail(node, err, TD_FORMAT, "axis %d is cut by too much", axis);
    int64_t left = dim + (begin < 0 ? begin : 0) + (end < 0 ? end : 0);
    int64_t most = mode == TDI_PAD_REFLECT ? left - 1
                   : mode == TDI_PAD_WRAP  ? left
                                           : TDI_ELEMENTS_MAX;
    if (left < 1)
        return tdi_op_fail(node, err, TD_UNSUPPORTED, "nothing is left of axis %d", axis);
    if (begin > most || end > most)
        return tdi_op_fail(node, err, TD_FORMAT, "axis %d is padded by more than %lld", axis,
                           (long long)most);
    return TD_OK;
}

td_status tdi_pad_resolve(const tdi_graph *graph, const tdi_node *node, tdi_pad *out,
                          td_error *err) {
    const tdi_value *x = tdi_node_input(graph, node, 0);
    int64_t pads[2 * TD_RANK_MAX], axes[TD_RANK_MAX];
    int count, axis_count = -1, seen[TD_RANK_MAX] = {0};

    memset(out, 0, sizeof *out);
    TD_TRY(read_mode(node, &out->mode, err));
    TD_TRY(tdi_op_ints(graph, node, 11, "pads", 1, 2 * TD_RANK_MAX, pads, &count, err));
    if (graph->opset >= 11)
        TD_TRY(tdi_op_constant_number(graph, node, 2, &out->value, err));
    else
        out->value = (double)tdi_node_float(node, "value", 0.0f);
    if (graph->opset >= 18)
        TD_TRY(tdi_op_constant_ints(graph, node, 3, TD_RANK_MAX, axes, &axis_count, err));
    int padded = axis_count >= 0 ? axis_count : x->shape.rank;
    if (count != 2 * padded)
        return tdi_op_fail(node, err, TD_FORMAT, "pads must be %d numbers", 2 * padded);
    for (int i = 0; i < padded; i++) {
        int axis;
        TD_TRY(tdi_op_axis(node, axis_count >= 0 ? axes[i] : i, x->shape.rank, &axis, err));
        if (seen[axis]++)
            return tdi_op_fail(node, err, TD_FORMAT, "axis %d is given twice", axis);
        TD_TRY(
            check_pads(node, out->mode, x->shape.dim[axis], axis, pads[i], pads[padded + i], err));
        out->begin[axis] = pads[i];
        out->end[axis] = pads[padded + i];
    }
    if (out->begin[0] || out->end[0])
        TD_TRY(tdi_op_refuse_batch_axis(graph, node, x, 0, err));
    return TD_OK;
}

td_status tdi_infer_pad(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    tdi_pad pad;
    TD_TRY(tdi_op_check(graph, node, 0, 1, TD_RANK_MAX, 0, err));
    TD_TRY(tdi_pad_resolve(graph, node, &pad, err));
    const tdi_value *x = tdi_node_input(graph, node, 0);
    td_shape shape = x->shape;
    for (int i = 0; i < shape.rank; i++)
        shape.dim[i] += pad.begin[i] + pad.end[i];
    return tdi_op_output(graph, node, 0, x->dtype, &shape, err);
}
