/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The backend's table, and which operator goes to which file.
 */
#include <string.h>

#include "base/memory.h"
#include "engine/onednn/onednn.h"
#include "engine/team.h"
#include "graph/op.h"

typedef struct operator_entry {
    const char *type;
    int (*supports)(const tdi_graph *graph, const tdi_node *node);
    tdi_onednn_prepare_fn prepare;
} operator_entry;

static const operator_entry operators[] = {
    {"Relu", tdi_onednn_supports_eltwise, tdi_onednn_prepare_eltwise},
    {"LeakyRelu", tdi_onednn_supports_eltwise, tdi_onednn_prepare_eltwise},
    {"Elu", tdi_onednn_supports_eltwise, tdi_onednn_prepare_eltwise},
    {"Sigmoid", tdi_onednn_supports_eltwise, tdi_onednn_prepare_eltwise},
    {"Tanh", tdi_onednn_supports_eltwise, tdi_onednn_prepare_eltwise},
    {"Clip", tdi_onednn_supports_eltwise, tdi_onednn_prepare_eltwise},
    {"HardSwish", tdi_onednn_supports_eltwise, tdi_onednn_prepare_eltwise},
    {"Exp", tdi_onednn_supports_eltwise, tdi_onednn_prepare_eltwise},
    {"Sqrt", tdi_onednn_supports_eltwise, tdi_onednn_prepare_eltwise},
    {"Round", tdi_onednn_supports_eltwise, tdi_onednn_prepare_eltwise},
    {"Abs", tdi_onednn_supports_eltwise, tdi_onednn_prepare_eltwise},
    {"Gelu", tdi_onednn_supports_eltwise, tdi_onednn_prepare_eltwise},
    {"Mish", tdi_onednn_supports_eltwise, tdi_onednn_prepare_eltwise},
    {"Softplus", tdi_onednn_supports_eltwise, tdi_onednn_prepare_eltwise},
    {"Add", tdi_onednn_supports_binary, tdi_onednn_prepare_binary},
    {"Sub", tdi_onednn_supports_binary, tdi_onednn_prepare_binary},
    {"Mul", tdi_onednn_supports_binary, tdi_onednn_prepare_binary},
    {"Div", tdi_onednn_supports_binary, tdi_onednn_prepare_binary},
    {"Max", tdi_onednn_supports_binary, tdi_onednn_prepare_binary},
    {"Min", tdi_onednn_supports_binary, tdi_onednn_prepare_binary},
    {"BatchNormalization", tdi_onednn_supports_norm, tdi_onednn_prepare_norm},
    {"Concat", tdi_onednn_supports_concat, tdi_onednn_prepare_concat},
    {"MaxPool", tdi_onednn_supports_pool, tdi_onednn_prepare_pool},
    {"AveragePool", tdi_onednn_supports_pool, tdi_onednn_prepare_pool},
    {"GlobalMaxPool", tdi_onednn_supports_pool, tdi_onednn_prepare_pool},
    {"GlobalAveragePool", tdi_onednn_supports_pool, tdi_onednn_prepare_pool},
    {"MatMul", tdi_onednn_supports_matmul, tdi_onednn_prepare_matmul},
    {"ConvTranspose", tdi_onednn_supports_deconv, tdi_onednn_prepare_deconv},
    {"PRelu", tdi_onednn_supports_prelu, tdi_onednn_prepare_prelu},
    {"Resize", tdi_onednn_supports_resample, tdi_onednn_prepare_resample},
    {"Upsample", tdi_onednn_supports_resample, tdi_onednn_prepare_resample},
    {"Softmax", tdi_onednn_supports_softmax, tdi_onednn_prepare_softmax},
    {"LogSoftmax", tdi_onednn_supports_softmax, tdi_onednn_prepare_softmax},
};

static const operator_entry *find(const char *type) {
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++)
        if (strcmp(operators[i].type, type) == 0)
            return &operators[i];
    return NULL;
}

static const char *version(void) {
    return dnnl_version()->hash;
}

static int implements(const char *type) {
    return find(type) || strcmp(type, "Conv") == 0 || strcmp(type, "Gemm") == 0;
}

/* Convolutions over three axes, which are prepared as all others are. */
static int is_volume(const tdi_graph *graph, const tdi_node *node) {
    const tdi_value *in = &graph->values[node->inputs[0]];
    return in->dtype == TD_DTYPE_F32 && graph->values[node->inputs[1]].dtype == TD_DTYPE_F32 &&
           in->shape.rank == 5;
}

static int supports(const tdi_graph *graph, const tdi_node *node, tdi_step_kind kind) {
    if (kind == TDI_STEP_CONV)
        return tdi_onednn_supports_conv(graph, node) || is_volume(graph, node);
    if (kind == TDI_STEP_DENSE)
        return 1;
    const operator_entry *entry = find(node->op->type);
    return kind == TDI_STEP_NODE && entry && entry->supports(graph, node);
}

static int fuses(const tdi_graph *graph, const tdi_step *step, const tdi_post *post) {
    dnnl_alg_kind_t algorithm;
    int layer = step->kind == TDI_STEP_CONV || step->kind == TDI_STEP_DENSE;
    if (post->kind == TDI_POST_ADD)
        return layer;
    const operator_entry *entry = find(step->node->op->type);
    int binary = entry && entry->prepare == tdi_onednn_prepare_binary;
    (void)graph;
    return (layer || binary) && tdi_onednn_algorithm(&post->activation, &algorithm);
}

static void close_state(void *user) {
    tdi_onednn *state = user;
    if (!state)
        return;
    dnnl_engine_destroy(state->engine);
    tdi_free(state);
}

static td_status open_state(int threads, void **out, td_error *err) {
    tdi_onednn *state = tdi_calloc(1, sizeof *state);
    if (!state)
        return tdi_fail_memory(err);
    state->threads = threads;
    dnnl_status_t status = dnnl_engine_create(&state->engine, dnnl_cpu, 0);
    if (status != dnnl_success) {
        close_state(state);
        return tdi_fail(err, TD_UNSUPPORTED, "oneDNN has no engine for this processor, status %d",
                        (int)status);
    }
    *out = state;
    return TD_OK;
}

static int variants(const tdi_graph *graph, const tdi_step *step) {
    if (step->kind == TDI_STEP_DENSE)
        return tdi_onednn_variants_dense(step);
    return step->kind == TDI_STEP_CONV ? tdi_onednn_variants_conv(graph, step) : 1;
}

static int keeps(const tdi_graph *graph, const tdi_step *step, td_dtype dtype) {
    const operator_entry *entry = find(step->node->op->type);
    (void)graph;
    if (step->kind != TDI_STEP_NODE || !entry)
        return 0;
    /* Any order of numbers will do. */
    if (strcmp(entry->type, "MaxPool") == 0)
        return dtype == TD_DTYPE_BF16 || dtype == TD_DTYPE_U8 || dtype == TD_DTYPE_I8;
    return dtype == TD_DTYPE_BF16 && (entry->prepare == tdi_onednn_prepare_pool ||
                                      entry->prepare == tdi_onednn_prepare_eltwise ||
                                      entry->prepare == tdi_onednn_prepare_binary);
}

/* The formats at hand, with float32 in place of elements that the operator does not take. */
static tdi_format *acceptable(const tdi_compile *compile, const tdi_step *step,
                              const tdi_format *at_hand) {
    size_t count = (size_t)step->input_count;
    tdi_format *formats = tdi_arena_copy(compile->arena, at_hand, (count + 1) * sizeof *formats);
    for (size_t i = 0; formats && i < count; i++) {
        td_dtype dtype = formats[i].dtype;
        int is_low = dtype == TD_DTYPE_BF16 || formats[i].scale > 0;
        if (is_low && !keeps(compile->graph, step, dtype))
            formats[i] = tdi_format_in(formats[i].layout, TD_DTYPE_F32,
                                       &compile->graph->values[step->inputs[i]].shape);
    }
    return formats;
}

static td_status prepare_step(const tdi_compile *compile, const tdi_step *step,
                              const tdi_format *at_hand, tdi_kernel **out, td_error *err) {
    if (step->kind == TDI_STEP_CONV)
        return tdi_onednn_prepare_conv(compile, step, at_hand, out, err);
    if (step->kind == TDI_STEP_DENSE)
        return tdi_onednn_prepare_dense(compile, step, at_hand, out, err);
    const tdi_format *formats = acceptable(compile, step, at_hand);
    if (!formats)
        return tdi_fail_memory(err);
    TD_TRY(find(step->node->op->type)->prepare(compile, step, formats, out, err));
    if (formats[0].scale > 0)
        (*out)->output.scale = ((tdi_onednn_kernel *)*out)->formats[0].scale = formats[0].scale;
    return TD_OK;
}

static size_t bytes_of(const tdi_graph *graph, int value) {
    const tdi_value *v = &graph->values[value];
    return tdi_format_dense(v->dtype, &v->shape).bytes;
}

/* Waking a team takes as long as copying some megabytes; layers with weights are measured. */
static int threads_for(const tdi_compile *compile, const tdi_step *step) {
    const tdi_onednn *state = compile->state;
    size_t bytes = bytes_of(compile->graph, step->output);
    if (step->kind == TDI_STEP_CONV || step->kind == TDI_STEP_DENSE)
        return step->alone ? 1 : state->threads;
    for (int i = 0; i < step->input_count; i++)
        bytes += step->inputs[i] < 0 ? 0 : bytes_of(compile->graph, step->inputs[i]);
    return bytes < TDI_ONEDNN_SHARED_BYTES ? 1 : state->threads;
}

static td_status prepare(const tdi_compile *compile, const tdi_step *step,
                         const tdi_format *at_hand, tdi_kernel **out, td_error *err) {
    int threads = threads_for(compile, step);
    tdi_team_set_size(threads);
    TD_TRY(prepare_step(compile, step, at_hand, out, err));
    ((tdi_onednn_kernel *)*out)->threads = threads;
    return TD_OK;
}

const tdi_backend tdi_onednn_backend = {
    .name = "onednn",
    .version = version,
    .computes = tdi_onednn_computes,
    .implements = implements,
    .supports = supports,
    .fuses = fuses,
    .open = open_state,
    .close = close_state,
    .variants = variants,
    .keeps = keeps,
    .prepare = prepare,
    .convert = tdi_onednn_convert,
    .same_format = tdi_onednn_same_format,
    .release = tdi_onednn_release,
    .bind = tdi_onednn_bind,
    .unbind = tdi_onednn_unbind,
    .execute = tdi_onednn_execute,
};
