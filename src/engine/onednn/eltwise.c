/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Activations, as operators of their own.
 */
#include "engine/onednn/onednn.h"

int tdi_onednn_algorithm(const tdi_activation *activation, dnnl_alg_kind_t *algorithm) {
    switch (activation->kind) {
    case TDI_ACTIVATION_RELU:
        *algorithm = dnnl_eltwise_relu;
        return 1;
    case TDI_ACTIVATION_CLIP:
        *algorithm = dnnl_eltwise_clip;
        return activation->alpha <= activation->beta;
    case TDI_ACTIVATION_ELU:
        *algorithm = dnnl_eltwise_elu;
        return 1;
    case TDI_ACTIVATION_HARD_SWISH:
        *algorithm = dnnl_eltwise_hardswish;
        return 1;
    case TDI_ACTIVATION_SIGMOID:
        *algorithm = dnnl_eltwise_logistic;
        return 1;
    case TDI_ACTIVATION_TANH:
        *algorithm = dnnl_eltwise_tanh;
        return 1;
    case TDI_ACTIVATION_EXP:
        *algorithm = dnnl_eltwise_exp;
        return 1;
    case TDI_ACTIVATION_SQRT:
        *algorithm = dnnl_eltwise_sqrt;
        return 1;
    case TDI_ACTIVATION_ROUND:
        *algorithm = dnnl_eltwise_round;
        return 1;
    case TDI_ACTIVATION_ABS:
        *algorithm = dnnl_eltwise_abs;
        return 1;
    case TDI_ACTIVATION_GELU:
        *algorithm = dnnl_eltwise_gelu_erf;
        return 1;
    case TDI_ACTIVATION_GELU_TANH:
        *algorithm = dnnl_eltwise_gelu_tanh;
        return 1;
    case TDI_ACTIVATION_MISH:
        *algorithm = dnnl_eltwise_mish;
        return 1;
    case TDI_ACTIVATION_SOFTPLUS:
        *algorithm = dnnl_eltwise_soft_relu;
        return 1;
    case TDI_ACTIVATION_CEIL:
    case TDI_ACTIVATION_CELU:
    case TDI_ACTIVATION_COS:
    case TDI_ACTIVATION_ERF:
    case TDI_ACTIVATION_FLOOR:
    case TDI_ACTIVATION_HARD_SIGMOID:
    case TDI_ACTIVATION_LOG: /* oneDNN's is not exact near 1 */
    case TDI_ACTIVATION_NEG:
    case TDI_ACTIVATION_RECIPROCAL:
    case TDI_ACTIVATION_SELU:
    case TDI_ACTIVATION_SIGN:
    case TDI_ACTIVATION_SIN:
    case TDI_ACTIVATION_SOFTSIGN:
    case TDI_ACTIVATION_THRESHOLDED_RELU:
        return 0;
    }
    return 0;
}

int tdi_onednn_supports_eltwise(const tdi_graph *graph, const tdi_node *node) {
    const tdi_value *in = &graph->values[node->inputs[0]];
    tdi_activation activation;
    dnnl_alg_kind_t algorithm;
    return in->dtype == TD_DTYPE_F32 && in->shape.rank <= 5 &&
           tdi_activation_of(graph, node, &activation) &&
           tdi_onednn_algorithm(&activation, &algorithm);
}

td_status tdi_onednn_prepare_eltwise(const tdi_compile *compile, const tdi_step *step,
                                     const tdi_format *at_hand, tdi_kernel **out, td_error *err) {
    const int arg = DNNL_ARG_SRC;
    tdi_activation activation;
    dnnl_alg_kind_t algorithm;
    dnnl_memory_desc_t md;
    dnnl_eltwise_desc_t desc;
    if (!tdi_activation_of(compile->graph, step->node, &activation) ||
        !tdi_onednn_algorithm(&activation, &algorithm))
        return tdi_onednn_fail(err, step->node, "the function", dnnl_unimplemented);
    tdi_onednn_desc(&md, &compile->graph->values[step->inputs[0]].shape, &at_hand[0]);
    dnnl_status_t made = dnnl_eltwise_forward_desc_init(&desc, dnnl_forward_inference, algorithm,
                                                        &md, activation.alpha, activation.beta);
    if (made != dnnl_success)
        return tdi_onednn_fail(err, step->node, "the function", made);
    TD_TRY(tdi_onednn_simple(compile, step, &desc, &arg, &md, out, err));
    (*out)->may_overwrite = 0;
    return TD_OK;
}
