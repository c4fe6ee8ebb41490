/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Primitives whose arguments are the step's inputs and nothing else.
 */
#include "engine/onednn/onednn.h"

td_status tdi_onednn_simple(const tdi_compile *compile, const tdi_step *step,
                            const_dnnl_op_desc_t desc, const int *args,
                            const dnnl_memory_desc_t *mds, tdi_kernel **out, td_error *err) {
    const tdi_onednn *state = compile->state;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_attr_t attr = NULL;
    tdi_onednn_kernel *kernel = NULL;
    TD_TRY(tdi_onednn_attr(step, NULL, &attr, err));
    dnnl_status_t made = dnnl_primitive_desc_create(&pd, desc, attr, state->engine, NULL);
    dnnl_primitive_attr_destroy(attr);
    if (made != dnnl_success)
        return tdi_onednn_fail(err, step->node, "the shapes", made);
    td_status status = tdi_onednn_kernel_new(compile, pd, step->input_count, &kernel, err);
    dnnl_primitive_desc_destroy(pd);
    for (int i = 0; i < step->input_count && status == TD_OK; i++)
        status = tdi_onednn_kernel_input(compile, kernel, i, args[i], &mds[i], err);
    if (status == TD_OK)
        *out = &kernel->base;
    else if (kernel)
        tdi_onednn_release(compile, &kernel->base);
    return status;
}
