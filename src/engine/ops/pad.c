/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pad. Constant: fill all, then copy what is left of the input into its place. Edge, reflect and
 * wrap: for each axis a table says where an element comes from.
 */
#include <string.h>

#include "engine/ops/ops.h"

typedef struct pad {
    tdi_pad_mode mode;
    tdi_box box;         /* the input within the output */
    int64_t start, from; /* element of the output where the input's element `from` goes */
    float value;
    int64_t *source[TD_RANK_MAX]; /* of the other modes: offset in the input per output index */
} pad;

int tdi_ops_supports_pad(const tdi_graph *graph, const tdi_node *node) {
    tdi_pad resolved;
    td_dtype dtype = graph->values[node->inputs[0]].dtype;
    if (tdi_pad_resolve(graph, node, &resolved, NULL) != TD_OK)
        return 0;
    /* Zero has the same bytes in every type. */
    return dtype == TD_DTYPE_F32 || resolved.mode != TDI_PAD_CONSTANT || resolved.value == 0;
}

/* Where index `index` of a padded axis of `dim` elements comes from; 0 is the first that is not
 * padding. */
static int64_t source_of(tdi_pad_mode mode, int64_t index, int64_t dim) {
    if (mode == TDI_PAD_EDGE)
        return index < 0 ? 0 : index >= dim ? dim - 1 : index;
    if (mode == TDI_PAD_WRAP)
        return index < 0 ? index + dim : index >= dim ? index - dim : index;
    return index < 0 ? -index : index >= dim ? 2 * (dim - 1) - index : index;
}

/* Elements that a negative pad takes away. */
static int64_t cut(int64_t amount) {
    return amount < 0 ? -amount : 0;
}

static int fill_sources(pad *p, const tdi_pad *resolved, const td_shape *in, const td_shape *out,
                        tdi_arena *arena) {
    int64_t strides[TD_RANK_MAX];
    tdi_strides(in, strides);
    for (int axis = 0; axis < out->rank; axis++) {
        int64_t *table = tdi_arena_alloc(arena, ((size_t)out->dim[axis] + 1) * sizeof *table);
        if (!table)
            return -1;
        int64_t begin = resolved->begin[axis], skipped = cut(begin);
        int64_t left = in->dim[axis] - skipped - cut(resolved->end[axis]);
        for (int64_t i = 0; i < out->dim[axis]; i++)
            table[i] = strides[axis] * (skipped + source_of(p->mode, i - begin - skipped, left));
        p->source[axis] = table;
    }
    return 0;
}

td_status tdi_ops_prepare_pad(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                              const void **args, td_error *err) {
    const tdi_value *in = &graph->values[node->inputs[0]];
    const td_shape *out = &graph->values[node->outputs[0]].shape;
    tdi_pad resolved;
    pad *p = tdi_arena_alloc(arena, sizeof *p);
    if (!p)
        return tdi_fail_memory(err);
    TD_TRY(tdi_pad_resolve(graph, node, &resolved, err));
    p->mode = resolved.mode;
    p->value = (float)resolved.value;
    p->box.rank = out->rank;
    p->box.element_bytes = td_dtype_bytes(in->dtype);
    tdi_strides(out, p->box.to);
    tdi_strides(&in->shape, p->box.from);
    for (int i = 0; i < out->rank; i++) {
        int64_t skipped = cut(resolved.begin[i]);
        p->box.dim[i] = in->shape.dim[i] - skipped - cut(resolved.end[i]);
        p->start += (resolved.begin[i] + skipped) * p->box.to[i];
        p->from += skipped * p->box.from[i];
    }
    if (p->mode != TDI_PAD_CONSTANT && fill_sources(p, &resolved, &in->shape, out, arena) != 0)
        return tdi_fail_memory(err);
    *args = p;
    return TD_OK;
}

static void fill(const tdi_operand *out, float value) {
    int64_t count = td_shape_elements(out->shape);
    if (value == 0) {
        memset(out->data, 0, (size_t)count * td_dtype_bytes(out->dtype));
        return;
    }
    for (int64_t i = 0; i < count; i++)
        ((float *)out->data)[i] = value;
}

/* One row of the output, from the line of the input that begins at `in`. */
static void gather_row(char *out, const char *in, const int64_t *source, int64_t count,
                       size_t bytes) {
    if (bytes == sizeof(float)) { /* spelled out: a call per element otherwise */
        for (int64_t i = 0; i < count; i++)
            memcpy(out + (size_t)i * sizeof(float), in + (size_t)source[i] * sizeof(float),
                   sizeof(float));
        return;
    }
    for (int64_t i = 0; i < count; i++)
        memcpy(out + (size_t)i * bytes, in + (size_t)source[i] * bytes, bytes);
}

static void gather(const pad *p, const tdi_ops_call *call) {
    const td_shape *shape = call->output.shape;
    int last = shape->rank - 1;
    size_t bytes = p->box.element_bytes;
    int64_t index[TD_RANK_MAX] = {0}, row = shape->dim[last];
    int64_t rows = td_shape_elements(shape) / row;
    char *out = call->output.data;
    for (int64_t i = 0; i < rows; i++, out += (size_t)row * bytes) {
        int64_t from = 0;
        for (int axis = 0; axis < last; axis++)
            from += p->source[axis][index[axis]];
        gather_row(out, (const char *)call->inputs[0].data + (size_t)from * bytes, p->source[last],
                   row, bytes);
        for (int axis = last - 1; axis >= 0 && ++index[axis] == shape->dim[axis]; axis--)
            index[axis] = 0;
    }
}

void tdi_ops_run_pad(const tdi_ops_call *call) {
    const pad *p = call->args;
    if (p->mode != TDI_PAD_CONSTANT) {
        gather(p, call);
        return;
    }
    fill(&call->output, p->value);
    tdi_box_copy(&p->box, (char *)call->output.data + (size_t)p->start * p->box.element_bytes,
                 (const char *)call->inputs[0].data + (size_t)p->from * p->box.element_bytes);
}
