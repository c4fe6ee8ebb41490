/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 1x1 convolutions as steps of a program.
 */
#include "engine/native/conv_direct.h"

/* Weights that do not stay in a core's own cache along with everything else. */
#define HEAVY_FLOATS ((size_t)32 << 10)

typedef struct layer {
    tdi_pointwise pointwise;
    int pictures, pixels; /* pixels of one picture */
    size_t src_size, dst_size;
    int addend;
} layer;

/* Pixels first .. end-1 and blocks first_block .. end_block-1 of a picture. */
static void run(const layer *l, const tdi_memory *memory, int picture, int first, int end,
                int first_block, int end_block) {
    size_t stride = (size_t)l->pixels * TDI_LANES;
    size_t begin = (size_t)picture * l->dst_size + (size_t)first_block * stride +
                   (size_t)first * TDI_LANES;
    const float *src = memory->inputs[0];
    const float *addend = l->addend < 0 ? NULL : memory->inputs[l->addend];
    tdi_pointwise_task task = {.src = src + (size_t)picture * l->src_size +
                                      (size_t)first * TDI_LANES,
                               .src_stride = stride,
                               .dst = (float *)memory->output + begin,
                               .dst_stride = stride,
                               .addend = addend ? addend + begin : NULL,
                               .pixels = end - first,
                               .width = end - first,
                               .pitch = end - first,
                               .first_output = first_block,
                               .output_blocks = end_block - first_block,
                               .input_blocks = tdi_blocks(l->pointwise.inputs)};
    tdi_direct_best()->pointwise(&l->pointwise, &task);
}

/* A share of the pixels of all pictures. */
static void work_on_pixels(const tdi_native_kernel *kernel, const tdi_memory *memory, int phase,
                           int part, int parts) {
    const layer *l = kernel->layer;
    (void)phase;
    int all = l->pictures * l->pixels, end = tdi_direct_share(all, part + 1, parts);
    for (int at = tdi_direct_share(all, part, parts), count; at < end; at += count) {
        int first = at % l->pixels;
        count = l->pixels - first < end - at ? l->pixels - first : end - at;
        run(l, memory, at / l->pixels, first, first + count, 0, tdi_blocks(l->pointwise.outputs));
    }
}

/* A share of the channels, two blocks of all pictures after the other: so that weights are read
 * once. */
static void work_on_channels(const tdi_native_kernel *kernel, const tdi_memory *memory, int phase,
                             int part, int parts) {
    const layer *l = kernel->layer;
    (void)phase;
    int blocks = tdi_blocks(l->pointwise.outputs), pairs = (blocks + 1) / 2;
    int end = tdi_direct_share(pairs, part + 1, parts);
    for (int pair = tdi_direct_share(pairs, part, parts); pair < end; pair++)
        for (int picture = 0; picture < l->pictures; picture++)
            run(l, memory, picture, 0, l->pixels, 2 * pair,
                2 * pair + 2 < blocks ? 2 * pair + 2 : blocks);
}

static void set_formats(const tdi_graph *graph, const tdi_step *step, tdi_native_kernel *kernel,
                        layer *l) {
    const td_shape *in = &graph->values[step->inputs[0]].shape;
    const td_shape *out = &graph->values[step->output].shape;
    kernel->formats[0] = tdi_format_in(TDI_LAYOUT_NCHW16C, TD_DTYPE_F32, in);
    kernel->base.output = tdi_format_in(TDI_LAYOUT_NCHW16C, TD_DTYPE_F32, out);
    if (l->addend >= 0)
        kernel->formats[l->addend] = kernel->base.output;
    kernel->base.may_overwrite = l->addend;
    l->pictures = (int)in->dim[0];
    l->pixels = (int)(in->dim[2] * in->dim[3]);
    l->src_size = tdi_direct_size(in);
    l->dst_size = tdi_direct_size(out);
}

td_status tdi_native_pointwise(const tdi_compile *compile, const tdi_step *step, tdi_kernel **out,
                               td_error *err) {
    tdi_native_kernel *kernel = NULL;
    tdi_direct_weights weights;
    tdi_window window;
    tdi_finish finish;
    void *memory = NULL;
    int addend;
    if (tdi_direct_best() == &tdi_direct_c ||
        tdi_direct_kind_of(compile->graph, step, &window) != TDI_DIRECT_POINTWISE ||
        window.in[0] != window.out[0] || window.in[1] != window.out[1] ||
        tdi_direct_finish_of(step, &finish, &addend) != 0)
        return TD_UNSUPPORTED;
    TD_TRY(tdi_native_kernel_new(compile, step, "1x1", sizeof(layer), &memory, &kernel, err));
    td_status status = tdi_direct_pack(compile, step, TDI_DIRECT_POINTWISE, kernel, &weights, err);
    if (status != TD_OK) {
        tdi_native_release(compile, &kernel->base);
        return status;
    }
    layer *l = memory;
    l->addend = addend;
    l->pointwise = (tdi_pointwise){(int)step->weights.inputs, (int)step->weights.outputs,
                                   weights.weights, weights.bias, finish};
    set_formats(compile->graph, step, kernel, l);
    int is_heavy = tdi_pointwise_pack_size(l->pointwise.inputs, l->pointwise.outputs) >
                   HEAVY_FLOATS;
    kernel->work = is_heavy ? work_on_channels : work_on_pixels;
    *out = &kernel->base;
    return TD_OK;
}
