/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What shape inference of the operators shares.
 */
#include "graph/op_util.h"

#include <stdio.h>
#include <string.h>

td_status tdi_op_fail(const tdi_node *node, td_error *err, td_status status, const char *format,
                      ...) {
    char reason[TD_ERROR_MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    return tdi_fail(err, status, "%s node \"%.100s\": %s", node->op->type, node->name, reason);
}

int64_t tdi_shape_product(const td_shape *shape, int first, int last) {
    int64_t product = 1;
    for (int i = first; i < last; i++)
        product *= shape->dim[i];
    return product;
}

td_status tdi_op_output(const tdi_graph *graph, const tdi_node *node, int index, td_dtype dtype,
                        const td_shape *shape, td_error *err) {
    tdi_value *value = tdi_node_output(graph, node, index);
    if (!value)
        return TD_OK;
    int64_t elements = td_shape_elements(shape);
    if (elements == 0)
        return tdi_op_fail(node, err, TD_UNSUPPORTED, "output \"%.100s\" would be empty",
                           value->name);
    if (elements < 0 || elements > TDI_ELEMENTS_MAX)
        return tdi_op_fail(node, err, TD_LIMIT, "output \"%.100s\" would be too large",
                           value->name);
    value->dtype = dtype;
    value->shape = *shape;
    return TD_OK;
}

td_status tdi_op_check(const tdi_graph *graph, const tdi_node *node, int index, int rank_min,
                       int rank_max, int floating, td_error *err) {
    const tdi_value *value = tdi_node_input(graph, node, index);
    if (!value)
        return tdi_op_fail(node, err, TD_FORMAT, "input %d is missing", index);
    if (value->shape.rank < rank_min || value->shape.rank > rank_max)
        return tdi_op_fail(node, err, TD_UNSUPPORTED, "input \"%.100s\" has %d axes", value->name,
                           value->shape.rank);
    if (td_shape_elements(&value->shape) < 1)
        return tdi_op_fail(node, err, TD_UNSUPPORTED, "input \"%.100s\" is empty", value->name);
    if (floating && !tdi_dtype_is_float(value->dtype))
        return tdi_op_fail(node, err, TD_UNSUPPORTED, "input \"%.100s\" is %s", value->name,
                           td_dtype_name(value->dtype));
    return TD_OK;
}

td_status tdi_op_check_same(const tdi_graph *graph, const tdi_node *node, int a, int b,
                            td_error *err) {
    const tdi_value *x = tdi_node_input(graph, node, a), *y = tdi_node_input(graph, node, b);
    if (x && y && x->dtype != y->dtype)
        return tdi_op_fail(node, err, TD_FORMAT, "\"%.100s\" is %s and \"%.100s\" is %s", x->name,
                           td_dtype_name(x->dtype), y->name, td_dtype_name(y->dtype));
    return TD_OK;
}

static td_status fail_not_constant(const tdi_node *node, const tdi_value *value, td_error *err) {
    return tdi_op_fail(node, err, TD_UNSUPPORTED, "\"%.100s\" must be a constant%s", value->name,
                       value->depends_on_input ? "" : ": export the network with constants folded");
}

td_status tdi_op_constant_ints(const tdi_graph *graph, const tdi_node *node, int index, int max,
                               int64_t *out, int *count, td_error *err) {
    const tdi_value *value = tdi_node_input(graph, node, index);
    *count = -1;
    if (!value)
        return TD_OK;
    const tdi_tensor *data = value->data;
    if (!data)
        return fail_not_constant(node, value, err);
    int64_t elements = td_shape_elements(&data->shape);
    if (data->shape.rank > 1 || elements < 0 || elements > max ||
        (data->dtype != TD_DTYPE_I64 && data->dtype != TD_DTYPE_I32))
        return tdi_op_fail(node, err, TD_FORMAT,
                           "\"%.100s\" must be a vector of at most %d integers", value->name, max);
    for (int64_t i = 0; i < elements; i++)
        out[i] = data->dtype == TD_DTYPE_I64 ? ((const int64_t *)data->data)[i]
                                             : ((const int32_t *)data->data)[i];
    *count = (int)elements;
    return TD_OK;
}

td_status tdi_op_attr_ints(const tdi_node *node, const char *name, int max, int64_t *out,
                           int *count, td_error *err) {
    const tdi_attr *attr = tdi_node_attr(node, name);
    *count = -1;
    if (!attr)
        return TD_OK;
    if (attr->kind != TDI_ATTR_INTS || attr->count > (size_t)max)
        return tdi_op_fail(node, err, TD_FORMAT, "attribute %s must be at most %d integers", name,
                           max);
    if (attr->count)
        memcpy(out, attr->ints, attr->count * sizeof *out);
    *count = (int)attr->count;
    return TD_OK;
}

td_status tdi_op_constant_floats(const tdi_graph *graph, const tdi_node *node, int index, int max,
                                 float *out, int *count, td_error *err) {
    const tdi_value *value = tdi_node_input(graph, node, index);
    *count = -1;
    if (!value)
        return TD_OK;
    const tdi_tensor *data = value->data;
    if (!data)
        return fail_not_constant(node, value, err);
    int64_t elements = td_shape_elements(&data->shape);
    if (data->shape.rank > 1 || elements < 0 || elements > max ||
        (elements > 0 && data->dtype != TD_DTYPE_F32))
        return tdi_op_fail(node, err, TD_FORMAT,
                           "\"%.100s\" must be a float32 vector of at most %d", value->name, max);
    if (elements > 0)
        memcpy(out, data->data, (size_t)elements * sizeof *out);
    *count = (int)elements;
    return TD_OK;
}

td_status tdi_op_attr_floats(const tdi_node *node, const char *name, int max, float *out,
                             int *count, td_error *err) {
    const tdi_attr *attr = tdi_node_attr(node, name);
    *count = -1;
    if (!attr)
        return TD_OK;
    if (attr->kind != TDI_ATTR_FLOATS || attr->count > (size_t)max)
        return tdi_op_fail(node, err, TD_FORMAT, "attribute %s must be at most %d floats", name,
                           max);
    if (attr->count)
        memcpy(out, attr->floats, attr->count * sizeof *out);
    *count = (int)attr->count;
    return TD_OK;
}

td_status tdi_op_ints(const tdi_graph *graph, const tdi_node *node, int64_t since, const char *name,
                      int index, int max, int64_t *out, int *count, td_error *err) {
    if (graph->opset < since)
        return tdi_op_attr_ints(node, name, max, out, count, err);
    return tdi_op_constant_ints(graph, node, index, max, out, count, err);
}

static int read_number(const tdi_tensor *data, double *out) {
    switch (data->dtype) {
    case TD_DTYPE_F32:
        *out = *(const float *)data->data;
        return 0;
    case TD_DTYPE_F64:
        *out = *(const double *)data->data;
        return 0;
    case TD_DTYPE_F16:
        *out = tdi_f32_from_f16(*(const uint16_t *)data->data);
        return 0;
    case TD_DTYPE_BF16:
        *out = tdi_f32_from_bf16(*(const uint16_t *)data->data);
        return 0;
    case TD_DTYPE_I64:
        *out = (double)*(const int64_t *)data->data;
        return 0;
    case TD_DTYPE_I32:
        *out = *(const int32_t *)data->data;
        return 0;
    case TD_DTYPE_U8:
        *out = *(const uint8_t *)data->data;
        return 0;
    case TD_DTYPE_I8:
        *out = *(const int8_t *)data->data;
        return 0;
    default:
        return -1;
    }
}

td_status tdi_op_constant_number(const tdi_graph *graph, const tdi_node *node, int index,
                                 double *out, td_error *err) {
    const tdi_value *value = tdi_node_input(graph, node, index);
    if (!value)
        return TD_OK;
    if (!value->data)
        return fail_not_constant(node, value, err);
    if (td_shape_elements(&value->data->shape) != 1 || read_number(value->data, out))
        return tdi_op_fail(node, err, TD_FORMAT, "\"%.100s\" must be one number", value->name);
    return TD_OK;
}

td_status tdi_op_axis(const tdi_node *node, int64_t axis, int rank, int *out, td_error *err) {
    if (axis < -rank || axis >= rank)
        return tdi_op_fail(node, err, TD_FORMAT, "axis %lld is outside a tensor of %d axes",
                           (long long)axis, rank);
    *out = (int)(axis < 0 ? axis + rank : axis);
    return TD_OK;
}

td_status tdi_op_refuse_batch_axis(const tdi_graph *graph, const tdi_node *node,
                                   const tdi_value *value, int axis, td_error *err) {
    if (axis == 0 && graph->symbolic_batch && graph->batch != 1 && value->depends_on_input)
        return tdi_op_fail(node, err, TD_UNSUPPORTED,
                           "it works along the batch axis, so the model runs one picture at a time "
                           "only, not %lld",
                           (long long)graph->batch);
    return TD_OK;
}
