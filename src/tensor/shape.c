/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Element types, shapes, layouts and the near-square grid.
 */
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "tensor/tensor.h"

#define ELEMENTS_MAX ((int64_t)1 << 62)

size_t td_dtype_bytes(td_dtype dtype) {
    switch (dtype) {
    case TD_DTYPE_NONE:
        return 0;
#define DTYPE_BYTES(name, value, bytes, text)                                                      \
    case TD_DTYPE_##name:                                                                          \
        return bytes;
        TD_DTYPE_MAP(DTYPE_BYTES)
#undef DTYPE_BYTES
    }
    return 0;
}

const char *td_dtype_name(td_dtype dtype) {
    switch (dtype) {
    case TD_DTYPE_NONE:
        return "?";
#define DTYPE_NAME(name, value, bytes, text)                                                       \
    case TD_DTYPE_##name:                                                                          \
        return text;
        TD_DTYPE_MAP(DTYPE_NAME)
#undef DTYPE_NAME
    }
    return "?";
}

int64_t td_shape_elements(const td_shape *shape) {
    int64_t n = 1;
    for (int i = 0; i < shape->rank; i++)
        if (shape->dim[i] == 0)
            return 0;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dim[i] < 0 || n > ELEMENTS_MAX / shape->dim[i])
            return -1;
        n *= shape->dim[i];
    }
    return n;
}

int td_shape_equal(const td_shape *a, const td_shape *b) {
    if (a->rank != b->rank)
        return 0;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i])
            return 0;
    return 1;
}

/* One dimension; *text is moved behind it. */
static int parse_dim(const char **text, int64_t *out) {
    enum { DIGITS_MAX = 15 };
    const char *at = *text;
    int64_t value = 0;
    if (*at == 'N') {
        *out = TD_DIM_SYMBOLIC;
        *text = at + 1;
        return 0;
    }
    for (; *at >= '0' && *at <= '9' && at - *text < DIGITS_MAX; at++)
        value = value * 10 + (*at - '0');
    if (value == 0)
        return -1;
    *out = value;
    *text = at;
    return 0;
}

td_status td_shape_parse(const char *text, td_shape *out, td_error *err) {
    const char *at = text;
    td_shape shape = {0, {0}};
    do {
        if (shape.rank == TD_RANK_MAX || parse_dim(&at, &shape.dim[shape.rank++]))
            goto fail;
    } while (*at++ == 'x');
    if (at[-1] != '\0')
        goto fail;
    *out = shape;
    return TD_OK;
fail:
    return tdi_fail(
        err, TD_ARGUMENT,
        "\"%.60s\" is no shape: write up to %d sizes with \"x\" between, as 1x3x224x224 "
        "or Nx3x224x224",
        text, TD_RANK_MAX);
}

int td_shape_format(const td_shape *shape, char *out, size_t out_bytes) {
    char text[TD_RANK_MAX * 21 + 1];
    int size = 0;
    for (int i = 0; i < shape->rank && i < TD_RANK_MAX; i++) {
        const char *separator = i ? "x" : "";
        size_t left = sizeof text - (size_t)size;
        if (shape->dim[i] < 0)
            size += snprintf(text + size, left, "%sN", separator);
        else
            size += snprintf(text + size, left, "%s%lld", separator, (long long)shape->dim[i]);
    }
    if (shape->rank <= 0)
        size = snprintf(text, sizeof text, "%s", shape->rank ? "?" : "scalar");
    if (out_bytes)
        snprintf(out, out_bytes, "%s", text);
    return size;
}

td_status td_layout_from_shape(const td_shape *shape, td_dtype dtype, td_layout *out,
                               td_error *err) {
    char text[96];
    td_shape s = *shape;
    td_shape_format(&s, text, sizeof text);
    if (s.rank > 1 || (s.rank == 1 && s.dim[0] < 0)) {
        if (s.dim[0] != 1 && s.dim[0] >= 0)
            return tdi_fail(
                err, TD_UNSUPPORTED,
                "a tensor of shape %s has no batch axis of 1 in front: export the model "
                "with a batch of 1, or a symbolic one",
                text);
        s.rank--;
        memmove(s.dim, s.dim + 1, sizeof s.dim[0] * (size_t)s.rank);
    }
    int64_t extent[3] = {1, 1, 1}; /* channels, height, width; further axes count as rows */
    for (int i = 0; i < s.rank; i++) {
        int axis = i == 0 ? 0 : i == s.rank - 1 && i > 1 ? 2 : 1;
        if (s.dim[i] <= 0 || extent[axis] > INT32_MAX / s.dim[i])
            return tdi_fail(err, TD_UNSUPPORTED,
                            "a tensor of shape %s cannot be laid out as channels x height x width",
                            text);
        extent[axis] *= s.dim[i];
    }
    if (extent[0] * extent[1] > INT32_MAX / extent[2])
        return tdi_fail(err, TD_UNSUPPORTED, "a tensor of shape %s is too large for one frame",
                        text);
    td_layout layout = {dtype, TD_ORDER_CHW, (int32_t)extent[0], (int32_t)extent[1],
                        (int32_t)extent[2]};
    *out = layout;
    return TD_OK;
}

int64_t td_layout_elements(const td_layout *layout) {
    return (int64_t)layout->channels * layout->height * layout->width;
}

td_grid td_grid_near_square(const td_layout *layout) {
    int64_t columns = 1;
    for (;; columns++) {
        int64_t rows = (layout->channels + columns - 1) / columns;
        if (columns >= layout->channels || columns * layout->width >= rows * layout->height)
            break;
    }
    td_grid grid = {(int32_t)((layout->channels + columns - 1) / columns), (int32_t)columns,
                    layout->height, layout->width};
    return grid;
}
