/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pad. Constant: fill all, then copy the input into its place. Edge and reflect: for each axis a
 * table says where an element comes from.
 */
#include <string.h>

#include "engine/ops/ops.h"

typedef struct pad {
    tdi_pad_mode mode;
    tdi_box box;   /* the input within the output */
    int64_t start; /* element of the output where the input's first goes */
    float value;
    int64_t *source[TD_RANK_MAX]; /* of edge and reflect: offset in the input per output index */
} pad;

int tdi_ops_supports_pad(const tdi_graph *graph, const tdi_node *node) {
    tdi_pad resolved;
    td_dtype dtype = graph->values[node->inputs[0]].dtype;
    if (tdi_pad_resolve(graph, node, &resolved, NULL) != TD_OK)
        return 0;
    /* Zero has the same bytes in every type. */
    return dtype == TD_DTYPE_F32 || resolved.mode != TDI_PAD_CONSTANT || resolved.value == 0;
}

static int64_t source_of(tdi_pad_mode mode, int64_t index, int64_t dim) {
    if (mode == TDI_PAD_EDGE)
        return index < 0 ? 0 : index >= dim ? dim - 1 : index;
    return index < 0 ? -index : index >= dim ? 2 * (dim - 1) - index : index;
}

static int fill_sources(pad *p, const tdi_pad *resolved, const td_shape *in, const td_shape *out,
                        tdi_arena *arena) {
    int64_t strides[TD_RANK_MAX];
    tdi_strides(in, strides);
    for (int axis = 0; axis < out->rank; axis++) {
        int64_t *table = tdi_arena_alloc(arena, ((size_t)out->dim[axis] + 1) * sizeof *table);
        if (!table)
            return -1;
        for (int64_t i = 0; i < out->dim[axis]; i++)
            table[i] = strides[axis] * source_of(p->mode, i - resolved->begin[axis], in->dim[axis]);
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
        p->box.dim[i] = in->shape.dim[i];
        p->start += resolved.begin[i] * p->box.to[i];
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

static void gather(const pad *p, const tdi_ops_call *call) {
    const td_shape *shape = call->output.shape;
    size_t bytes = p->box.element_bytes;
    int64_t index[TD_RANK_MAX] = {0}, count = td_shape_elements(shape);
    char *out = call->output.data;
    for (int64_t i = 0; i < count; i++, out += bytes) {
        int64_t from = 0;
        for (int axis = 0; axis < shape->rank; axis++)
            from += p->source[axis][index[axis]];
        memcpy(out, (const char *)call->inputs[0].data + (size_t)from * bytes, bytes);
        for (int axis = shape->rank - 1; axis >= 0 && ++index[axis] == shape->dim[axis]; axis--)
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
                 call->inputs[0].data);
}
