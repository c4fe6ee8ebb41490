/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reductions over any set of axes. Neighbouring axes of the same fate are joined. The innermost
 * loop runs over a row of the input either way: where its last axis is kept, over outputs side by
 * side; where it is reduced, over partial results that are put together in the end.
 */
#include <math.h>
#include <string.h>

#include "engine/ops/ops.h"

#define LANES 64

typedef enum reduction {
    SUM,
    MEAN,
    L1,
    L2,
    SUM_SQUARE,
    LOG_SUM,
    LOG_SUM_EXP,
    PROD,
    MAX,
    MIN
} reduction;

typedef struct axes {
    int count;
    int64_t dim[TD_RANK_MAX], stride[TD_RANK_MAX]; /* extents and strides of the input */
} axes;

typedef struct reduce {
    reduction op;
    axes kept, reduced; /* all but the row */
    int64_t row;        /* length of the innermost joined axis */
    int row_is_reduced;
    int64_t count; /* elements per output */
} reduce;

int tdi_ops_supports_reduce(const tdi_graph *graph, const tdi_node *node) {
    return graph->values[node->inputs[0]].dtype == TD_DTYPE_F32;
}

static reduction reduction_of(const char *type) {
    static const char *const types[] = {
        "ReduceSum",    "ReduceMean",      "ReduceL1",   "ReduceL2",  "ReduceSumSquare",
        "ReduceLogSum", "ReduceLogSumExp", "ReduceProd", "ReduceMax", "ReduceMin"};
    int i = SUM;
    while (strcmp(types[i], type) != 0)
        i++;
    return (reduction)i;
}

td_status tdi_ops_prepare_reduce(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                                 const void **args, td_error *err) {
    const td_shape *in = &graph->values[node->inputs[0]].shape;
    tdi_reduce resolved;
    int64_t stride = 1;
    reduce *r = tdi_arena_alloc(arena, sizeof *r);
    if (!r)
        return tdi_fail_memory(err);
    TD_TRY(tdi_reduce_resolve(graph, node, &resolved, err));
    r->op = reduction_of(node->op->type);
    r->row = r->count = 1;
    int at = in->rank - 1;
    r->row_is_reduced = at >= 0 && resolved.reduced[at];
    for (; at >= 0 && resolved.reduced[at] == r->row_is_reduced; at--)
        r->row *= in->dim[at];
    stride = r->row;
    for (int i = at; i >= 0; i--) {
        axes *a = resolved.reduced[i] ? &r->reduced : &r->kept;
        a->dim[a->count] = in->dim[i];
        a->stride[a->count++] = stride;
        stride *= in->dim[i];
    }
    for (int i = 0; i < in->rank; i++)
        r->count *= resolved.reduced[i] ? in->dim[i] : 1;
    *args = r;
    return TD_OK;
}

/* Advances a position, the first axis the fastest; returns the change of the offset into the
 * tensor. */
static int64_t advance(const axes *a, int64_t *index) {
    int64_t offset = 0;
    for (int i = 0; i < a->count; i++) {
        offset += a->stride[i];
        if (++index[i] < a->dim[i])
            break;
        offset -= a->stride[i] * a->dim[i];
        index[i] = 0;
    }
    return offset;
}

static int64_t positions(const axes *a) {
    int64_t count = 1;
    for (int i = 0; i < a->count; i++)
        count *= a->dim[i];
    return count;
}

static double start_of(reduction op) {
    return op == PROD ? 1 : op == MAX ? -INFINITY : op == MIN ? INFINITY : 0;
}

/* lanes[i] takes in x[i]. `most` is what LOG_SUM_EXP subtracts, per lane. */
static void accumulate(reduction op, double *restrict lanes, const float *restrict x, int64_t count,
                       const double *restrict most) {
    switch (op) {
    case SUM:
    case MEAN:
    case LOG_SUM:
        for (int64_t i = 0; i < count; i++)
            lanes[i] += (double)x[i];
        break;
    case L1:
        for (int64_t i = 0; i < count; i++)
            lanes[i] += fabs((double)x[i]);
        break;
    case L2:
    case SUM_SQUARE:
        for (int64_t i = 0; i < count; i++)
            lanes[i] += (double)x[i] * (double)x[i];
        break;
    case LOG_SUM_EXP:
        for (int64_t i = 0; i < count; i++)
            lanes[i] += exp((double)x[i] - most[i]);
        break;
    case PROD:
        for (int64_t i = 0; i < count; i++)
            lanes[i] *= (double)x[i];
        break;
    case MAX: /* NaN stays, as in numpy */
        for (int64_t i = 0; i < count; i++)
            lanes[i] = (double)x[i] > lanes[i] || x[i] != x[i] ? (double)x[i] : lanes[i];
        break;
    case MIN:
        for (int64_t i = 0; i < count; i++)
            lanes[i] = (double)x[i] < lanes[i] || x[i] != x[i] ? (double)x[i] : lanes[i];
        break;
    }
}

/* Lanes of one output, put together. */
static double join(reduction op, const double *lanes) {
    double result = lanes[0];
    for (int i = 1; i < LANES; i++) {
        double x = lanes[i];
        if (op == PROD)
            result *= x;
        else if (op == MAX)
            result = x > result || x != x ? x : result;
        else if (op == MIN)
            result = x < result || x != x ? x : result;
        else
            result += x;
    }
    return result;
}

static float finish(const reduce *r, double value, double most) {
    switch (r->op) {
    case MEAN:
        return (float)(value / (double)r->count);
    case L2:
        return (float)sqrt(value);
    case LOG_SUM:
        return (float)log(value);
    case LOG_SUM_EXP:
        return (float)(log(value) + most);
    default:
        return (float)value;
    }
}

/* All that is reduced, at `width` outputs side by side (1 where the row is reduced) from `in`. */
static void gather(const reduce *r, reduction op, const float *in, int64_t width, double *lanes,
                   const double *most) {
    int64_t index[TD_RANK_MAX] = {0}, count = positions(&r->reduced);
    for (int i = 0; i < LANES; i++)
        lanes[i] = start_of(op);
    for (int64_t p = 0; p < count; p++) {
        if (!r->row_is_reduced)
            accumulate(op, lanes, in, width, most);
        for (int64_t at = 0; r->row_is_reduced && at < r->row; at += LANES)
            accumulate(op, lanes, in + at, r->row - at < LANES ? r->row - at : LANES, most);
        in += advance(&r->reduced, index);
    }
    if (!r->row_is_reduced)
        return;
    lanes[0] = join(op, lanes);
}

/* Where every lane is -inf or +inf there is nothing to subtract. */
static void settle_most(double *most, int row_is_reduced) {
    for (int i = 0; i < LANES; i++) {
        double x = most[row_is_reduced ? 0 : i];
        most[i] = isfinite(x) ? x : 0;
    }
}

static void reduce_at(const reduce *r, const float *in, float *out, int64_t width) {
    double lanes[LANES], most[LANES] = {0};
    if (r->op == LOG_SUM_EXP) {
        gather(r, MAX, in, width, most, NULL);
        settle_most(most, r->row_is_reduced);
    }
    gather(r, r->op, in, width, lanes, most);
    for (int64_t i = 0; i < width; i++)
        out[i] = finish(r, lanes[i], most[i]);
}

void tdi_ops_run_reduce(const tdi_ops_call *call) {
    const reduce *r = call->args;
    const float *in = call->inputs[0].data;
    float *out = call->output.data;
    int64_t index[TD_RANK_MAX] = {0}, count = positions(&r->kept);
    int64_t row = r->row_is_reduced ? 1 : r->row;
    for (int64_t p = 0; p < count; p++) {
        for (int64_t at = 0; at < row; at += LANES)
            reduce_at(r, in + at, out + at, row - at < LANES ? row - at : LANES);
        out += row;
        in += advance(&r->kept, index);
    }
}
