/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ReduceMean: the mean over any set of axes.
 */
#include <string.h>

#include "engine/ops/ops.h"

typedef struct reduce {
    int kept_count, reduced_count;
    int64_t kept[TD_RANK_MAX], kept_stride[TD_RANK_MAX]; /* extents and strides of the input */
    int64_t reduced[TD_RANK_MAX], reduced_stride[TD_RANK_MAX]; /* likewise */
} reduce;

int tdi_ops_supports_reduce(const tdi_graph *graph, const tdi_node *node) {
    return graph->values[node->inputs[0]].dtype == TD_DTYPE_F32;
}

td_status tdi_ops_prepare_reduce(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                                 const void **args, td_error *err) {
    const td_shape *in = &graph->values[node->inputs[0]].shape;
    int64_t strides[TD_RANK_MAX];
    tdi_reduce resolved;
    reduce *r = tdi_arena_alloc(arena, sizeof *r);
    if (!r)
        return tdi_fail_memory(err);
    TD_TRY(tdi_reduce_resolve(graph, node, &resolved, err));
    tdi_strides(in, strides);
    for (int i = 0; i < in->rank; i++) {
        if (resolved.reduced[i]) {
            r->reduced[r->reduced_count] = in->dim[i];
            r->reduced_stride[r->reduced_count++] = strides[i];
        } else {
            r->kept[r->kept_count] = in->dim[i];
            r->kept_stride[r->kept_count++] = strides[i];
        }
    }
    *args = r;
    return TD_OK;
}

/* Advances a position; returns by how much the offset into the tensor changes. */
static int64_t advance(int count, const int64_t *dim, const int64_t *stride, int64_t *index) {
    int64_t offset = 0;
    for (int axis = count - 1; axis >= 0; axis--) {
        offset += stride[axis];
        if (++index[axis] < dim[axis])
            break;
        offset -= stride[axis] * dim[axis];
        index[axis] = 0;
    }
    return offset;
}

void tdi_ops_run_reduce(const tdi_ops_call *call) {
    const reduce *r = call->args;
    const float *in = call->inputs[0].data;
    float *out = call->output.data;
    int64_t outputs = td_shape_elements(call->output.shape), count = 1;
    int64_t kept_index[TD_RANK_MAX] = {0}, reduced_index[TD_RANK_MAX] = {0};
    for (int i = 0; i < r->reduced_count; i++)
        count *= r->reduced[i];
    for (int64_t o = 0; o < outputs; o++) {
        const float *at = in;
        double sum = 0;
        for (int64_t i = 0; i < count; i++) {
            sum += (double)*at;
            at += advance(r->reduced_count, r->reduced, r->reduced_stride, reduced_index);
        }
        out[o] = (float)(sum / (double)count);
        in += advance(r->kept_count, r->kept, r->kept_stride, kept_index);
    }
}
