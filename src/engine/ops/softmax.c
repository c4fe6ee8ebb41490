/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Softmax and its logarithm along any axis.
 */
#include <math.h>
#include <string.h>

#include "engine/ops/ops.h"

typedef struct softmax {
    tdi_softmax form;
    int is_log;
} softmax;

td_status tdi_ops_prepare_softmax(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                                  const void **args, td_error *err) {
    softmax *s = tdi_arena_alloc(arena, sizeof *s);
    if (!s)
        return tdi_fail_memory(err);
    s->is_log = strcmp(node->op->type, "LogSoftmax") == 0;
    *args = s;
    return tdi_softmax_resolve(graph, node, &s->form, err);
}

static void normalize(const float *in, float *out, int64_t count, int64_t step, int is_log) {
    float most = -INFINITY;
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        most = in[i * step] > most ? in[i * step] : most;
    for (int64_t i = 0; i < count; i++)
        sum += exp((double)(in[i * step] - most));
    for (int64_t i = 0; i < count; i++) {
        double x = (double)(in[i * step] - most);
        out[i * step] = (float)(is_log ? x - log(sum) : exp(x) / sum);
    }
}

void tdi_ops_run_softmax(const tdi_ops_call *call) {
    const softmax *s = call->args;
    const float *in = call->inputs[0].data;
    float *out = call->output.data;
    int64_t block = s->form.count * s->form.inner;
    for (int64_t o = 0; o < s->form.outer; o++)
        for (int64_t i = 0; i < s->form.inner; i++)
            normalize(in + o * block + i, out + o * block + i, s->form.count, s->form.inner,
                      s->is_log);
}
