/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Concatenation: in the first input's format where oneDNN can (the others' blocks then begin at
 * block borders), else dense.
 */
#include <string.h>

#include "base/memory.h"
#include "engine/onednn/onednn.h"
#include "graph/op.h"

int tdi_onednn_supports_concat(const tdi_graph *graph, const tdi_node *node) {
    for (int i = 0; i < node->input_count; i++) {
        const tdi_value *in = &graph->values[node->inputs[i]];
        if (in->dtype != TD_DTYPE_F32 || in->shape.rank < 1 || in->shape.rank > 5 ||
            td_shape_elements(&in->shape) < 1)
            return 0;
    }
    return 1;
}

/* The descriptor of `like`'s blocking for another shape. 0 where there is none. */
static int same_blocking(dnnl_memory_desc_t *md, const td_shape *shape,
                         const dnnl_memory_desc_t *like) {
    static const dnnl_format_tag_t tags[] = {dnnl_nChw16c, dnnl_nChw8c, dnnl_nChw4c, dnnl_nhwc,
                                             dnnl_nCw16c,  dnnl_nCw8c,  dnnl_nCw4c,  dnnl_nwc};
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        int rank = i < 4 ? 4 : 3;
        dnnl_memory_desc_t probe;
        dnnl_dims_t dims = {0};
        if (like->ndims != rank || shape->rank != rank ||
            dnnl_memory_desc_init_by_tag(&probe, rank, like->dims, dnnl_f32, tags[i]) !=
                dnnl_success ||
            !dnnl_memory_desc_equal(&probe, like))
            continue;
        memcpy(dims, shape->dim, sizeof shape->dim);
        return dnnl_memory_desc_init_by_tag(md, rank, dims, dnnl_f32, tags[i]) == dnnl_success;
    }
    return 0;
}

static int describe(const tdi_compile *compile, const tdi_step *step, const tdi_format *at_hand,
                    int blocked, dnnl_memory_desc_t *mds) {
    const tdi_value *values = compile->graph->values;
    dnnl_memory_desc_t first;
    if (blocked && tdi_format_is_dense(&at_hand[0]))
        return 0;
    tdi_onednn_desc(&first, &values[step->inputs[0]].shape, &at_hand[0]);
    for (int i = 0; i < step->input_count; i++) {
        const td_shape *shape = &values[step->inputs[i]].shape;
        if (!blocked)
            tdi_onednn_dense(&mds[i], shape);
        else if (!same_blocking(&mds[i], shape, &first))
            return 0;
    }
    return 1;
}

static td_status create(const tdi_compile *compile, const tdi_step *step,
                        const dnnl_memory_desc_t *mds, dnnl_primitive_desc_t *pd, td_error *err) {
    const tdi_onednn *state = compile->state;
    dnnl_primitive_attr_t attr = NULL;
    int axis;
    TD_TRY(tdi_concat_resolve(compile->graph, step->node, &axis, err));
    TD_TRY(tdi_onednn_attr(step, NULL, &attr, err));
    dnnl_status_t made = dnnl_concat_primitive_desc_create(pd, NULL, step->input_count, axis, mds,
                                                           attr, state->engine);
    dnnl_primitive_attr_destroy(attr);
    return made == dnnl_success ? TD_OK : tdi_onednn_fail(err, step->node, "the shapes", made);
}

td_status tdi_onednn_prepare_concat(const tdi_compile *compile, const tdi_step *step,
                                    const tdi_format *at_hand, tdi_kernel **out, td_error *err) {
    dnnl_primitive_desc_t pd = NULL;
    tdi_onednn_kernel *kernel = NULL;
    td_status status = TD_UNSUPPORTED;
    dnnl_memory_desc_t *mds = tdi_calloc((size_t)step->input_count, sizeof *mds);
    if (!mds)
        return tdi_fail_memory(err);
    if (describe(compile, step, at_hand, 1, mds))
        status = create(compile, step, mds, &pd, NULL);
    if (status == TD_UNSUPPORTED) {
        describe(compile, step, at_hand, 0, mds);
        status = create(compile, step, mds, &pd, err);
    }
    if (status != TD_OK)
        goto done;
    status = tdi_onednn_kernel_new(compile, pd, step->input_count, &kernel, err);
    for (int i = 0; i < step->input_count && status == TD_OK; i++)
        status = tdi_onednn_kernel_input(compile, kernel, i, DNNL_ARG_MULTIPLE_SRC + i, &mds[i],
                                         err);
    if (status == TD_OK)
        *out = &kernel->base;
    else if (kernel)
        tdi_onednn_release(compile, &kernel->base);
done:
    dnnl_primitive_desc_destroy(pd);
    tdi_free(mds);
    return status;
}
