/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies from one format to another.
 */
#include "engine/onednn/onednn.h"
#include "engine/team.h"

/* What elements are multiplied by. */
static dnnl_status_t set_factor(dnnl_primitive_attr_t attr, const tdi_format *from,
                                const tdi_format *to) {
    float factor = (from->scale > 0 ? from->scale : 1) / (to->scale > 0 ? to->scale : 1);
    return factor == 1 ? dnnl_success : dnnl_primitive_attr_set_output_scales(attr, 1, 0, &factor);
}

td_status tdi_onednn_convert(const tdi_compile *compile, td_dtype dtype, const td_shape *shape,
                             const tdi_format *from, const tdi_format *to, tdi_kernel **out,
                             td_error *err) {
    const tdi_onednn *state = compile->state;
    dnnl_memory_desc_t src, dst;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_attr_t attr = NULL;
    tdi_onednn_kernel *kernel = NULL;
    if (dtype != TD_DTYPE_F32)
        return tdi_onednn_fail(err, NULL, td_dtype_name(dtype), dnnl_unimplemented);
    int threads = from->bytes + to->bytes < TDI_ONEDNN_SHARED_BYTES ? 1 : state->threads;
    tdi_team_set_size(threads);
    tdi_onednn_desc(&src, shape, from);
    tdi_onednn_desc(&dst, shape, to);
    TD_TRY(tdi_onednn_attr(NULL, NULL, &attr, err));
    dnnl_status_t made = set_factor(attr, from, to);
    if (made == dnnl_success)
        made = dnnl_reorder_primitive_desc_create(&pd, &src, state->engine, &dst, state->engine,
                                                  attr);
    dnnl_primitive_attr_destroy(attr);
    if (made != dnnl_success)
        return tdi_onednn_fail(err, NULL, "the formats", made);
    td_status status = tdi_onednn_kernel_new(compile, pd, 1, &kernel, err);
    dnnl_primitive_desc_destroy(pd);
    if (status == TD_OK)
        status = tdi_onednn_kernel_input(compile, kernel, 0, DNNL_ARG_FROM, &src, err);
    if (status == TD_OK) {
        kernel->threads = threads;
        kernel->formats[0].scale = from->scale;
        kernel->base.output.scale = to->scale;
        *out = &kernel->base;
    } else if (kernel) {
        tdi_onednn_release(compile, &kernel->base);
    }
    return status;
}
