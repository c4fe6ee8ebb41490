/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 3x3 convolutions as steps of a program.
 */
#include "engine/native/conv_direct.h"
#include "engine/native/winograd.h"
#include "graph/op.h"

typedef struct layer {
    tdi_winograd winograd;
    int addend;
} layer;

static void work(const tdi_native_kernel *kernel, const tdi_memory *memory, int phase, int part,
                 int parts) {
    const layer *l = kernel->layer;
    const tdi_winograd_memory m = {memory->inputs[0],
                                   l->addend < 0 ? NULL : memory->inputs[l->addend], memory->output,
                                   memory->scratch};
    tdi_winograd_phase(&l->winograd, &m, phase, part, parts);
}

static void fill(const void *user, const float *weights, float *packed) {
    tdi_winograd_pack(&((const layer *)user)->winograd, weights, packed);
}

/* 0 where the step is no such convolution. */
static int shape_of(const tdi_compile *compile, const tdi_step *step, int tile,
                    tdi_winograd_shape *out) {
    const tdi_graph *graph = compile->graph;
    const td_shape *in = &graph->values[step->node->inputs[0]].shape;
    const td_shape *result = &graph->values[step->node->outputs[0]].shape;
    const td_shape *kernel = &step->weights.kernel->shape;
    tdi_window window;
    if (in->rank != 4 || tdi_node_int(step->node, "group", 1) != 1 ||
        tdi_window_resolve(graph, step->node, kernel->dim + 2, &window, NULL) != TD_OK)
        return 0;
    for (int i = 0; i < 2; i++)
        if (window.kernel[i] != 3 || window.stride[i] != 1 || window.dilation[i] != 1)
            return 0;
    for (int i = 0; i < 4; i++)
        if (in->dim[i] > INT16_MAX || result->dim[i] > INT16_MAX)
            return 0;
    *out = (tdi_winograd_shape){.tile = tile,
                                .batch = (int)in->dim[0],
                                .channels = (int)in->dim[1],
                                .outputs = (int)result->dim[1],
                                .height = (int)in->dim[2],
                                .width = (int)in->dim[3],
                                .out_height = (int)result->dim[2],
                                .out_width = (int)result->dim[3],
                                .pad_top = (int)window.pad_begin[0],
                                .pad_left = (int)window.pad_begin[1]};
    return tdi_winograd_fits(out);
}

static td_status fill_layer(const tdi_compile *compile, const tdi_step *step, layer *l,
                            tdi_native_kernel *kernel, td_error *err) {
    tdi_winograd *w = &l->winograd;
    TD_TRY(tdi_native_pack(compile, step, w->shape.tile == 4 ? "winograd 4" : "winograd 2",
                           tdi_winograd_weights(w), fill, l, kernel, &w->weights, err));
    return tdi_native_bias(compile, step, kernel, &w->bias, err);
}

td_status tdi_native_winograd(const tdi_compile *compile, const tdi_step *step, int tile,
                              tdi_kernel **out, td_error *err) {
    const tdi_graph *graph = compile->graph;
    tdi_winograd_shape shape;
    tdi_finish finish;
    int addend;
    tdi_native_kernel *kernel = NULL;
    void *memory = NULL;
    if (!shape_of(compile, step, tile, &shape) ||
        tdi_direct_finish_of(step, &finish, &addend) != 0 || finish.hard_swish)
        return TD_UNSUPPORTED;
    TD_TRY(tdi_native_kernel_new(compile, step, tile == 4 ? "winograd 4x4" : "winograd 2x2",
                                 sizeof(layer), &memory, &kernel, err));
    layer *l = memory;
    tdi_winograd_init(&l->winograd, &shape, kernel->threads);
    l->addend = addend;
    l->winograd.low = finish.low;
    l->winograd.high = finish.high;
    kernel->formats[0] = tdi_format_in(TDI_LAYOUT_NCHW16C, TD_DTYPE_F32,
                                       &graph->values[step->inputs[0]].shape);
    kernel->base.output = tdi_format_in(TDI_LAYOUT_NCHW16C, TD_DTYPE_F32,
                                        &graph->values[step->output].shape);
    if (addend >= 0) {
        kernel->formats[addend] = kernel->base.output;
        kernel->base.may_overwrite = addend;
    }
    kernel->base.scratch_bytes = tdi_winograd_scratch(&l->winograd, kernel->threads) *
                                 sizeof(float);
    kernel->work = work;
    kernel->phases = tdi_winograd_phases(&l->winograd, kernel->threads);
    td_status status = fill_layer(compile, step, l, kernel, err);
    if (status == TD_OK)
        *out = &kernel->base;
    else
        tdi_native_release(compile, &kernel->base);
    return status;
}
