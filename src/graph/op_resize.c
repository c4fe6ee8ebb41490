/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resize in all its opsets, and Upsample, its predecessor.
 */
#include <math.h>
#include <string.h>

#include "graph/op_util.h"

/* Index of `text` in a list, -1: not in it. */
static int index_of(const char *text, const char *const *list, int count) {
    for (int i = 0; i < count; i++)
        if (strcmp(text, list[i]) == 0)
            return i;
    return -1;
}

static td_status read_name(const tdi_node *node, const char *attr, const char *fallback,
                           const char *const *list, int count, int *out, td_error *err) {
    const char *text = tdi_node_string(node, attr, fallback);
    *out = index_of(text, list, count);
    if (*out < 0)
        return tdi_op_fail(node, err, TD_UNSUPPORTED, "%s \"%.40s\"", attr, text);
    return TD_OK;
}

static td_status read_modes(const tdi_graph *graph, const tdi_node *node, tdi_resize *r,
                            td_error *err) {
    static const char *const modes[] = {"nearest", "linear", "cubic"};
    static const char *const coordinates[] = {
        "half_pixel",    "half_pixel_symmetric", "pytorch_half_pixel", "tf_half_pixel_for_nn",
        "align_corners", "asymmetric",           "tf_crop_and_resize"};
    static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                            "ceil"};
    int mode, coordinate = TDI_RESIZE_ASYMMETRIC, rounding = TDI_ROUND_FLOOR;
    int is_upsample = strcmp(node->op->type, "Upsample") == 0;
    TD_TRY(read_name(node, "mode", "nearest", modes, graph->opset < 11 ? 2 : 3, &mode, err));
    if (!is_upsample && graph->opset < 11)
        rounding = TDI_ROUND_SIMPLE;
    if (!is_upsample && graph->opset >= 11) {
        TD_TRY(read_name(node, "coordinate_transformation_mode", "half_pixel", coordinates, 7,
                         &coordinate, err));
        TD_TRY(read_name(node, "nearest_mode", "round_prefer_floor", roundings, 4, &rounding, err));
    }
    r->mode = (tdi_resize_mode)mode;
    r->coordinates = (tdi_resize_coordinates)coordinate;
    r->rounding = (tdi_resize_rounding)rounding;
    r->cubic_a = tdi_node_float(node, "cubic_coeff_a", -0.75f);
    r->outside = tdi_node_float(node, "extrapolation_value", 0);
    r->exclude_outside = tdi_node_int(node, "exclude_outside", 0) != 0;
    return TD_OK;
}

/* The axes that scales, sizes and the region are about; all of them unless the file says so. */
static td_status read_axes(const tdi_node *node, int rank, int axes[TD_RANK_MAX], int *count,
                           td_error *err) {
    int64_t given[TD_RANK_MAX];
    int seen[TD_RANK_MAX] = {0};
    TD_TRY(tdi_op_attr_ints(node, "axes", rank, given, count, err));
    if (*count < 0) {
        *count = rank;
        for (int i = 0; i < rank; i++)
            axes[i] = i;
        return TD_OK;
    }
    for (int i = 0; i < *count; i++) {
        TD_TRY(tdi_op_axis(node, given[i], rank, &axes[i], err));
        if (seen[axes[i]]++)
            return tdi_op_fail(node, err, TD_FORMAT, "axis %d is given twice", axes[i]);
    }
    return TD_OK;
}

static td_status apply_scale(const tdi_node *node, tdi_resize *r, int axis, float scale,
                             td_error *err) {
    double size = floor((double)r->in[axis] * (double)scale);
    if (!(scale > 0) || !(size < (double)TDI_ELEMENTS_MAX))
        return tdi_op_fail(node, err, TD_FORMAT, "a scale of %g is not possible", (double)scale);
    r->scale[axis] = scale;
    r->length[axis] = scale * (float)r->in[axis];
    r->out[axis] = (int64_t)size;
    return TD_OK;
}

static td_status apply_sizes(const tdi_node *node, tdi_resize *r, const int *axes, int count,
                             const int64_t *sizes, td_error *err) {
    static const char *const policies[] = {"stretch", "not_larger", "not_smaller"};
    int policy;
    float common = 0;
    TD_TRY(read_name(node, "keep_aspect_ratio_policy", "stretch", policies, 3, &policy, err));
    for (int i = 0; i < count; i++) {
        int axis = axes[i];
        if (sizes[i] < 1 || sizes[i] > TDI_ELEMENTS_MAX)
            return tdi_op_fail(node, err, TD_FORMAT, "a size of %lld is not possible",
                               (long long)sizes[i]);
        r->out[axis] = sizes[i];
        r->scale[axis] = (float)sizes[i] / (float)r->in[axis];
        if (i == 0 || (policy == 1 ? r->scale[axis] < common : r->scale[axis] > common))
            common = r->scale[axis];
    }
    for (int i = 0; i < count && policy != 0; i++) {
        r->scale[axes[i]] = common;
        r->out[axes[i]] = (int64_t)floor((double)common * (double)r->in[axes[i]] + 0.5);
    }
    for (int i = 0; i < count; i++)
        r->length[axes[i]] = (float)r->out[axes[i]];
    return TD_OK;
}

static td_status read_region(const tdi_graph *graph, const tdi_node *node, tdi_resize *r,
                             const int *axes, int count, td_error *err) {
    float region[2 * TD_RANK_MAX];
    int given;
    TD_TRY(tdi_op_constant_floats(graph, node, 1, 2 * TD_RANK_MAX, region, &given, err));
    if (given != 2 * count)
        return tdi_op_fail(node, err, TD_FORMAT, "the region of interest must be %d numbers",
                           2 * count);
    for (int i = 0; i < count; i++) {
        r->begin[axes[i]] = region[i];
        r->end[axes[i]] = region[count + i];
    }
    return TD_OK;
}

/* Scales or sizes, from where this operator and opset have them. */
static td_status read_target(const tdi_graph *graph, const tdi_node *node, tdi_resize *r,
                             td_error *err) {
    int is_upsample = strcmp(node->op->type, "Upsample") == 0;
    int axes[TD_RANK_MAX], count, scale_count, size_count = -1;
    float scales[TD_RANK_MAX];
    int64_t sizes[TD_RANK_MAX];
    TD_TRY(read_axes(node, r->rank, axes, &count, err));
    if (is_upsample && graph->opset < 9)
        TD_TRY(tdi_op_attr_floats(node, "scales", TD_RANK_MAX, scales, &scale_count, err));
    else
        TD_TRY(tdi_op_constant_floats(graph, node, is_upsample || graph->opset < 11 ? 1 : 2,
                                      TD_RANK_MAX, scales, &scale_count, err));
    if (!is_upsample && graph->opset >= 11)
        TD_TRY(tdi_op_constant_ints(graph, node, 3, TD_RANK_MAX, sizes, &size_count, err));
    if (r->coordinates == TDI_RESIZE_CROP)
        TD_TRY(read_region(graph, node, r, axes, count, err));
    if (size_count > 0 ? size_count != count : scale_count != count)
        return tdi_op_fail(node, err, TD_FORMAT, "scales or sizes must be %d numbers", count);
    if (size_count > 0)
        return apply_sizes(node, r, axes, count, sizes, err);
    for (int i = 0; i < count; i++)
        TD_TRY(apply_scale(node, r, axes[i], scales[i], err));
    return TD_OK;
}

td_status tdi_resize_resolve(const tdi_graph *graph, const tdi_node *node, tdi_resize *out,
                             td_error *err) {
    const tdi_value *x = tdi_node_input(graph, node, 0);
    memset(out, 0, sizeof *out);
    out->rank = x->shape.rank;
    for (int i = 0; i < out->rank; i++) {
        out->in[i] = out->out[i] = x->shape.dim[i];
        out->scale[i] = out->end[i] = 1;
        out->length[i] = (float)out->in[i];
    }
    TD_TRY(read_modes(graph, node, out, err));
    TD_TRY(read_target(graph, node, out, err));
    for (int i = 0; i < out->rank; i++)
        if (out->scale[i] < 1 && tdi_node_int(node, "antialias", 0))
            return tdi_op_fail(node, err, TD_UNSUPPORTED,
                               "antialiasing; export the network with antialias=0");
    if (out->in[0] != out->out[0])
        TD_TRY(tdi_op_refuse_batch_axis(graph, node, x, 0, err));
    return TD_OK;
}

td_status tdi_infer_resize(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    tdi_resize resize;
    TD_TRY(tdi_op_check(graph, node, 0, 1, TD_RANK_MAX, 0, err));
    TD_TRY(tdi_resize_resolve(graph, node, &resize, err));
    const tdi_value *x = tdi_node_input(graph, node, 0);
    td_shape shape = tdi_shape_of(resize.rank, resize.out);
    return tdi_op_output(graph, node, 0, x->dtype, &shape, err);
}

td_status tdi_infer_upsample(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    if (graph->opset >= 10)
        return tdi_op_fail(node, err, TD_UNSUPPORTED, "opset %lld does not have this operator",
                           (long long)graph->opset);
    return tdi_infer_resize(graph, node, err);
}
