/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What convolutions and dense layers have in common: input, packed weights, bias, and a sum into
 * the output.
 */
#include "engine/onednn/onednn.h"

static void set_scale(tdi_format *format, float scale) {
    if (format->dtype == TD_DTYPE_U8 || format->dtype == TD_DTYPE_I8)
        format->scale = scale;
}

static td_status add_args(const tdi_compile *compile, const tdi_step *step,
                          const_dnnl_primitive_desc_t pd, const dnnl_memory_desc_t *plain,
                          const tdi_onednn_numbers *numbers, tdi_onednn_kernel *kernel,
                          td_error *err) {
    const dnnl_memory_desc_t *src = dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0);
    const dnnl_memory_desc_t *dst = dnnl_primitive_desc_query_md(pd, dnnl_query_dst_md, 0);
    const dnnl_memory_desc_t *weights = dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
    const dnnl_memory_desc_t *bias = dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 1);
    tdi_pack *pack;
    TD_TRY(tdi_onednn_kernel_input(compile, kernel, 0, DNNL_ARG_SRC, src, err));
    TD_TRY(tdi_onednn_pack_kernel(compile, &step->weights, plain, weights, numbers->weights_scale,
                                  &pack, err));
    tdi_onednn_kernel_pack(kernel, DNNL_ARG_WEIGHTS, weights, pack);
    TD_TRY(tdi_onednn_pack_bias(compile, &step->weights, numbers, &pack, err));
    tdi_onednn_kernel_pack(kernel, DNNL_ARG_BIAS, bias, pack);
    set_scale(&kernel->formats[0], numbers->src_scale);
    set_scale(&kernel->base.output, numbers->dst_scale);
    for (int i = 0; i < step->post_count; i++) {
        if (step->posts[i].kind != TDI_POST_ADD)
            continue;
        int input = step->posts[i].input;
        dnnl_memory_desc_t addend = *dst;
        addend.data_type = tdi_onednn_type(numbers->addend);
        TD_TRY(tdi_onednn_kernel_input(compile, kernel, input, 0, &addend, err));
        set_scale(&kernel->formats[input], numbers->addend_scale);
        kernel->base.overwrites = input;
    }
    return TD_OK;
}

td_status tdi_onednn_layer(const tdi_compile *compile, const tdi_step *step,
                           const_dnnl_primitive_desc_t pd, const dnnl_memory_desc_t *plain,
                           const tdi_onednn_numbers *numbers, tdi_kernel **out, td_error *err) {
    tdi_onednn_kernel *kernel = NULL;
    TD_TRY(tdi_onednn_kernel_new(compile, pd, step->input_count, &kernel, err));
    td_status status = add_args(compile, step, pd, plain, numbers, kernel, err);
    if (status == TD_OK)
        *out = &kernel->base;
    else
        tdi_onednn_release(compile, &kernel->base);
    return status;
}
