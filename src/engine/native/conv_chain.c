/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Depthwise convolutions, with the convolutions around them, as steps of a program; and how a team
 * shares the work.
 */
#include <string.h>

#include "engine/native/conv_direct.h"
#include "engine/native/mobile.h"

/* Rows below which a part of a picture costs too much at its edges: channels are shared instead. */
#define SHARED_ROWS_MIN 12

typedef struct layer {
    tdi_mobile mobile;
    int pictures;
    size_t src_size, dst_size; /* floats per picture */
    size_t ring, kept;         /* floats of working memory per part */
    int addend;                /* input; -1: none */
    int has_depthwise;
} layer;

int tdi_native_chains(const tdi_graph *graph, const tdi_step *const *stages, int count) {
    int depthwise = -1;
    for (int i = 0; i < count; i++) {
        tdi_window window;
        tdi_finish finish;
        int addend;
        tdi_direct_kind kind = tdi_direct_kind_of(graph, stages[i], &window);
        if (kind == TDI_DIRECT_NONE || tdi_direct_finish_of(stages[i], &finish, &addend) != 0 ||
            (addend >= 0 && (i < count - 1 || kind == TDI_DIRECT_DEPTHWISE)))
            return 0;
        if (kind == TDI_DIRECT_DEPTHWISE && depthwise < 0)
            depthwise = i;
        else if (kind != TDI_DIRECT_POINTWISE && i > 0)
            return 0;
        if (kind == TDI_DIRECT_PLANAR && stages[i]->weights.outputs > 2 * TDI_LANES)
            return 0;
        /* Padding makes the result larger than the kernels expect. */
        if (kind == TDI_DIRECT_POINTWISE &&
            (window.in[0] != window.out[0] || window.in[1] != window.out[1]))
            return 0;
    }
    return tdi_direct_best() != &tdi_direct_c && depthwise >= 0 && depthwise <= 1 &&
           count - 1 - depthwise <= 1;
}

/* The stages of a chain, or the step itself. */
static int stages_of(const tdi_step *step, const tdi_step *stages[TDI_STAGES_MAX]) {
    if (step->kind != TDI_STEP_CHAIN) {
        stages[0] = step;
        return 1;
    }
    memcpy(stages, step->stages, (size_t)step->stage_count * sizeof *stages);
    return step->stage_count;
}

static void set_planar(tdi_mobile *m, const tdi_window *w, const td_shape *kernel,
                       const tdi_direct_weights *weights, const tdi_finish *finish) {
    m->source = TDI_MOBILE_PLANES;
    m->planar = (tdi_planar){(int)kernel->dim[1],
                             (int)kernel->dim[0],
                             (int)w->kernel[0],
                             (int)w->stride[0],
                             weights->weights,
                             weights->bias,
                             *finish};
    m->planes_height = (int)w->in[0];
    m->planes_width = (int)w->in[1];
    m->planes_pad_top = (int)w->pad_begin[0];
    m->planes_pad_left = (int)w->pad_begin[1];
}

static void set_depthwise(tdi_mobile *m, const tdi_window *w, const td_shape *kernel,
                          const tdi_direct_weights *weights, const tdi_finish *finish) {
    m->depthwise = (tdi_depthwise){(int)kernel->dim[0], (int)w->kernel[0], (int)w->stride[0],
                                   weights->weights,    weights->bias,     *finish};
    m->height = (int)w->in[0];
    m->width = (int)w->in[1];
    m->pad_top = (int)w->pad_begin[0];
    m->pad_left = (int)w->pad_begin[1];
    m->out_height = (int)w->out[0];
    m->out_width = (int)w->out[1];
}

static td_status add_stage(const tdi_compile *compile, const tdi_step *step, layer *l,
                           tdi_native_kernel *kernel, td_error *err) {
    const td_shape *shape = &step->weights.kernel->shape;
    tdi_mobile *m = &l->mobile;
    tdi_direct_weights weights;
    tdi_finish finish;
    tdi_window w;
    tdi_direct_kind kind = tdi_direct_kind_of(compile->graph, step, &w);
    tdi_direct_finish_of(step, &finish, &l->addend);
    TD_TRY(tdi_direct_pack(compile, step, kind, kernel, &weights, err));
    tdi_pointwise pointwise = {(int)shape->dim[1], (int)shape->dim[0], weights.weights,
                               weights.bias, finish};
    if (kind == TDI_DIRECT_DEPTHWISE) {
        set_depthwise(m, &w, shape, &weights, &finish);
        l->has_depthwise = 1;
    } else if (l->has_depthwise) {
        m->project = pointwise;
    } else if (kind == TDI_DIRECT_PLANAR) {
        set_planar(m, &w, shape, &weights, &finish);
    } else {
        m->source = TDI_MOBILE_EXPAND;
        m->expand = pointwise;
    }
    return TD_OK;
}

static void set_formats(const tdi_graph *graph, const tdi_step *step, tdi_native_kernel *kernel,
                        layer *l) {
    const td_shape *in = &graph->values[step->inputs[0]].shape;
    const td_shape *out = &graph->values[step->output].shape;
    kernel->formats[0] = tdi_format_in(TDI_LAYOUT_NCHW16C, TD_DTYPE_F32, in);
    kernel->base.output = tdi_format_in(TDI_LAYOUT_NCHW16C, TD_DTYPE_F32, out);
    l->src_size = tdi_direct_size(in);
    l->dst_size = tdi_direct_size(out);
    l->pictures = (int)in->dim[0];
    if (l->mobile.source == TDI_MOBILE_PLANES) {
        kernel->formats[0] = tdi_format_dense(TD_DTYPE_F32, in);
        l->src_size = (size_t)(in->dim[1] * in->dim[2] * in->dim[3]);
    }
    if (l->addend >= 0)
        kernel->formats[l->addend] = kernel->base.output;
    kernel->base.may_overwrite = l->addend;
}

/* Rows of all pictures. */
static void work_on_rows(const tdi_native_kernel *kernel, const tdi_memory *memory, int phase,
                         int part, int parts) {
    const layer *l = kernel->layer;
    (void)phase;
    const float *src = memory->inputs[0];
    const float *addend = l->addend < 0 ? NULL : memory->inputs[l->addend];
    float *dst = memory->output;
    float *ring = (float *)memory->scratch + (size_t)part * (l->ring + l->kept);
    int height = l->mobile.out_height, all = l->pictures * height;
    int end = tdi_direct_share(all, part + 1, parts);
    for (int row = tdi_direct_share(all, part, parts), count; row < end; row += count) {
        size_t picture = (size_t)(row / height);
        int first = row % height;
        count = height - first < end - row ? height - first : end - row;
        tdi_mobile_run(&l->mobile, tdi_direct_best(), src + picture * l->src_size,
                       addend ? addend + picture * l->dst_size : NULL, dst + picture * l->dst_size,
                       first, first + count, ring, ring + l->ring);
    }
}

/* A share of the channels of a picture, up to the projection. */
static void widen_share(const tdi_native_kernel *kernel, const tdi_memory *memory, int picture,
                        float *kept, int part, int parts) {
    const layer *l = kernel->layer;
    const tdi_mobile *m = &l->mobile;
    int blocks = tdi_blocks(m->depthwise.channels), pairs = (blocks + 1) / 2;
    size_t stride = (size_t)(m->out_height * m->out_width) * TDI_LANES;
    tdi_mobile_part share = {2 * tdi_direct_share(pairs, part, parts),
                             2 * tdi_direct_share(pairs, part + 1, parts), 0, m->out_height};
    if (share.end_block > blocks)
        share.end_block = blocks;
    tdi_mobile_widen(m, tdi_direct_best(),
                     (const float *)memory->inputs[0] + (size_t)picture * l->src_size, &share,
                     kept + (size_t)share.first_block * stride, stride,
                     (float *)memory->scratch + (size_t)part * l->ring);
}

/* A share of its pixels from there. */
static void project_share(const tdi_native_kernel *kernel, const tdi_memory *memory, int picture,
                          const float *kept, int part, int parts) {
    const layer *l = kernel->layer;
    const tdi_pointwise *project = &l->mobile.project;
    int pixels = l->mobile.out_height * l->mobile.out_width;
    int first = tdi_direct_share(pixels, part, parts);
    int count = tdi_direct_share(pixels, part + 1, parts) - first;
    size_t begin = (size_t)first * TDI_LANES, at = (size_t)picture * l->dst_size + begin;
    const float *addend = l->addend < 0 ? NULL : memory->inputs[l->addend];
    tdi_pointwise_task task = {.src = kept + begin,
                               .src_stride = (size_t)pixels * TDI_LANES,
                               .dst = (float *)memory->output + at,
                               .dst_stride = (size_t)pixels * TDI_LANES,
                               .addend = addend ? addend + at : NULL,
                               .pixels = count,
                               .width = count,
                               .pitch = count,
                               .output_blocks = tdi_blocks(project->outputs),
                               .input_blocks = tdi_blocks(project->inputs)};
    if (count > 0)
        tdi_direct_best()->pointwise(project, &task);
}

/* Two phases for each picture. */
static void work_on_channels(const tdi_native_kernel *kernel, const tdi_memory *memory, int phase,
                             int part, int parts) {
    const layer *l = kernel->layer;
    float *kept = (float *)memory->scratch + (size_t)kernel->threads * l->ring;
    if (phase % 2 == 0)
        widen_share(kernel, memory, phase / 2, kept, part, parts);
    else
        project_share(kernel, memory, phase / 2, kept, part, parts);
}

/* How the work is shared, and the memory for that. */
static void set_work(tdi_native_kernel *kernel, layer *l) {
    tdi_mobile *m = &l->mobile;
    int threads = kernel->threads;
    tdi_mobile_tune(m);
    l->ring = tdi_mobile_ring_size(m);
    l->kept = tdi_mobile_kept_size(m, m->chunk, m->strip);
    size_t floats = (size_t)threads * (l->ring + l->kept);
    kernel->work = work_on_rows;
    if (threads > 1 && l->pictures < 2 * threads && m->out_height < SHARED_ROWS_MIN &&
        m->project.inputs > 0 && m->source != TDI_MOBILE_PLANES) {
        kernel->work = work_on_channels;
        kernel->phases = 2 * l->pictures;
        floats = (size_t)threads * l->ring +
                 tdi_mobile_kept_size(m, tdi_blocks(m->depthwise.channels), m->out_height);
    }
    kernel->base.scratch_bytes = floats * sizeof(float);
}

td_status tdi_native_chain(const tdi_compile *compile, const tdi_step *step, tdi_kernel **out,
                           td_error *err) {
    const tdi_step *stages[TDI_STAGES_MAX];
    int count = stages_of(step, stages);
    tdi_native_kernel *kernel = NULL;
    void *memory = NULL;
    if (!tdi_native_chains(compile->graph, stages, count))
        return TD_UNSUPPORTED;
    TD_TRY(tdi_native_kernel_new(compile, step, count > 1 ? "chain" : "depthwise", sizeof(layer),
                                 &memory, &kernel, err));
    layer *l = memory;
    for (int i = 0; i < count; i++) {
        td_status status = add_stage(compile, stages[i], l, kernel, err);
        if (status != TD_OK) {
            tdi_native_release(compile, &kernel->base);
            return status;
        }
    }
    set_formats(compile->graph, step, kernel, l);
    set_work(kernel, l);
    *out = &kernel->base;
    return TD_OK;
}
