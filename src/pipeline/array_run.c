/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network, whole or cut, on arrays as they are: head, codec, tail in one process. Codecs know one
 * picture at a time, so those of a batch go through one after the other.
 */
#include <string.h>

#include "base/clock.h"
#include "pipeline/model.h"
#include "pipeline/tuning.h"

struct td_array_run {
    td_model *model;
    int64_t batch;
    tdi_program *head, *tail; /* uncut the head is the whole network, and there is no tail */
    tdi_run *head_run, *tail_run;
    tdi_coder *coder; /* NULL: the head's outputs are the network's */
    uint8_t *bytes;   /* one encoded picture */
    uint32_t sizes[TDI_CUT_TENSORS_MAX];
    size_t tensor_count;                      /* that cross the cut */
    size_t tensor_bytes[TDI_CUT_TENSORS_MAX]; /* per picture */
    void *decoded[TDI_CUT_TENSORS_MAX];       /* the batch, where there is a coder and no tail */
    td_array *outputs;                        /* their data belongs to runs and buffers */
};

td_array_run_settings td_array_run_settings_default(void) {
    const td_array_run_settings settings = {.batch = 1, .threads = 1};
    return settings;
}

static td_shape bound_shape(const td_array_run *run, const td_tensor_info *info) {
    td_shape shape = info->shape;
    if (shape.rank > 0 && shape.dim[0] == TD_DIM_SYMBOLIC)
        shape.dim[0] = run->batch;
    return shape;
}

static td_status compile(const td_array_run *run, const tdi_graph *graph,
                         const td_half_settings *half_settings, tdi_program **program,
                         tdi_run **out, td_error *err) {
    const tdi_program_settings settings = {.batch = run->batch,
                                           .threads = half_settings->threads,
                                           .packs = run->model->packs,
                                           .timings = tdi_tuning(),
                                           .precision = half_settings->precision,
                                           .ranges = &run->model->ranges};
    TD_TRY(tdi_program_new(graph, &settings, program, err));
    tdi_tuning_save();
    return tdi_run_new(*program, out, err);
}

static td_status open_halves(td_array_run *run, const tdi_place *place,
                             const td_half_settings *settings, td_error *err) {
    tdi_graph *half = NULL;
    TD_TRY(tdi_cut_head(run->model->graph, &place->cut, &half, err));
    td_status status = compile(run, half, settings, &run->head, &run->head_run, err);
    tdi_graph_free(half);
    if (status)
        return status;
    TD_TRY(tdi_cut_tail(run->model->graph, &place->cut, &half, err));
    status = compile(run, half, settings, &run->tail, &run->tail_run, err);
    tdi_graph_free(half);
    return status;
}

/* What one picture has of each tensor of the cut, and room for it. */
static td_status open_tensors(td_array_run *run, const tdi_place *place, td_error *err) {
    size_t batch = (size_t)run->batch;
    run->tensor_count = (size_t)place->cut.tensor_count;
    for (size_t i = 0; i < run->tensor_count; i++) {
        const tdi_value *value = &run->model->graph->values[place->cut.tensors[i]];
        size_t all = tdi_run_output_bytes(run->head_run, (int)i);
        if (batch > 1 && !value->batched)
            return tdi_fail(err, TD_UNSUPPORTED,
                            "tensor %s of the cut has no batch axis: run one picture at a time",
                            value->name);
        run->tensor_bytes[i] = all / batch;
        if (run->tail)
            continue;
        run->decoded[i] = tdi_malloc_aligned(all);
        if (!run->decoded[i])
            return tdi_fail_memory(err);
    }
    run->bytes = tdi_malloc(tdi_coder_bound(run->coder));
    return run->bytes ? TD_OK : tdi_fail_memory(err);
}

static td_status open_cut(td_array_run *run, const char *cut, const char *codec,
                          const td_half_settings *settings, td_error *err) {
    tdi_place place;
    TD_TRY(tdi_place_resolve(run->model, cut, &place, err));
    if (place.kind == TDI_PLACE_INPUT)
        return tdi_fail(err, TD_CUT,
                        "what crosses the cut `input` is a picture: arrays can be cut at a tensor "
                        "behind it");
    if (place.kind == TDI_PLACE_OUTPUT)
        TD_TRY(compile(run, run->model->graph, settings, &run->head, &run->head_run, err));
    else
        TD_TRY(open_halves(run, &place, settings, err));
    if (!codec && place.kind == TDI_PLACE_OUTPUT)
        return TD_OK;
    const char *strategy = codec ? codec : tdi_default_strategy(run->model->bundle, cut);
    TD_TRY(tdi_coder_open(run->model, cut, strategy, &run->coder, err));
    return open_tensors(run, &place, err);
}

static td_status open_outputs(td_array_run *run, td_error *err) {
    size_t count = td_model_output_count(run->model);
    const tdi_run *last = run->tail ? run->tail_run : run->head_run;
    run->outputs = tdi_calloc(count, sizeof *run->outputs);
    if (!run->outputs)
        return tdi_fail_memory(err);
    for (size_t i = 0; i < count; i++) {
        td_tensor_info info;
        td_model_output(run->model, i, &info);
        run->outputs[i].dtype = info.dtype;
        run->outputs[i].shape = bound_shape(run, &info);
        run->outputs[i].bytes = tdi_run_output_bytes(last, (int)i);
    }
    return TD_OK;
}

td_status td_array_run_open(td_model *model, const td_array_run_settings *settings,
                            td_array_run **out, td_error *err) {
    const td_array_run_settings defaults = td_array_run_settings_default();
    const td_array_run_settings *s = settings ? settings : &defaults;
    const td_half_settings wanted = {s->threads, s->precision};
    td_half_settings resolved;
    TD_TRY(tdi_half_resolve(model, &wanted, &resolved, err));
    if (s->batch < 1)
        return tdi_fail(err, TD_ARGUMENT, "the batch must be at least 1");
    if (s->codec && !s->cut)
        return tdi_fail(err, TD_ARGUMENT, "a codec needs a cut: name one");
    td_array_run *run = tdi_calloc(1, sizeof *run);
    if (!run)
        return tdi_fail_memory(err);
    run->model = td_model_ref(model);
    run->batch = s->batch;
    td_status status = s->cut
                           ? open_cut(run, s->cut, s->codec, &resolved, err)
                           : compile(run, model->graph, &resolved, &run->head, &run->head_run, err);
    if (!status)
        status = open_outputs(run, err);
    if (!status)
        *out = run;
    else
        td_array_run_close(run);
    return status;
}

void td_array_run_close(td_array_run *run) {
    if (!run)
        return;
    tdi_free(run->outputs);
    for (size_t i = 0; i < run->tensor_count; i++)
        tdi_free_aligned(run->decoded[i]);
    tdi_free(run->bytes);
    tdi_coder_close(run->coder);
    tdi_run_free(run->tail_run);
    tdi_run_free(run->head_run);
    tdi_program_unref(run->tail);
    tdi_program_unref(run->head);
    td_model_unref(run->model);
    tdi_free(run);
}

const char *td_array_run_codec(const td_array_run *run) {
    return run->coder ? tdi_coder_strategy(run->coder) : NULL;
}

static td_status fill_inputs(td_array_run *run, const td_array *inputs, size_t count,
                             td_error *err) {
    if (count != td_model_input_count(run->model))
        return tdi_fail(err, TD_ARGUMENT, "%s has %zu inputs, not %zu", run->model->name,
                        td_model_input_count(run->model), count);
    for (size_t i = 0; i < count; i++) {
        td_tensor_info info;
        td_model_input(run->model, i, &info);
        td_shape shape = bound_shape(run, &info);
        if (inputs[i].dtype != info.dtype || !td_shape_equal(&inputs[i].shape, &shape)) {
            char wanted[96], given[96];
            td_shape_format(&shape, wanted, sizeof wanted);
            td_shape_format(&inputs[i].shape, given, sizeof given);
            return tdi_fail(err, TD_MISMATCH, "input %s takes %s of %s, but was given %s of %s",
                            info.name, wanted, td_dtype_name(info.dtype), given,
                            td_dtype_name(inputs[i].dtype));
        }
        memcpy(tdi_run_input(run->head_run, (int)i), inputs[i].data, inputs[i].bytes);
    }
    return TD_OK;
}

/* Picture `index` of the batch from the head's outputs to where the decoded tensors go. */
static td_status pass_picture(td_array_run *run, size_t index, td_array_result *out,
                              td_error *err) {
    const void *features[TDI_CUT_TENSORS_MAX];
    size_t written = 0;
    td_time begin = tdi_now();
    for (size_t i = 0; i < run->tensor_count; i++)
        features[i] = (const char *)tdi_run_output(run->head_run, (int)i) +
                      index * run->tensor_bytes[i];
    TD_TRY(tdi_coder_encode(run->coder, features, run->bytes, tdi_coder_bound(run->coder),
                            run->sizes, &written, err));
    td_time encoded = tdi_now();
    TD_TRY(tdi_coder_decode(run->coder, run->bytes, written, run->sizes, run->tensor_count,
                            features, err));
    for (size_t i = 0; i < run->tensor_count; i++) {
        char *batch = run->tail ? tdi_run_input(run->tail_run, (int)i) : run->decoded[i];
        memcpy(batch + index * run->tensor_bytes[i], features[i], run->tensor_bytes[i]);
    }
    out->bytes += written;
    out->ec += encoded - begin;
    out->es += tdi_now() - encoded;
    return TD_OK;
}

td_status td_array_run_execute(td_array_run *run, const td_array *inputs, size_t input_count,
                               td_array_result *out, td_error *err) {
    td_array_result result = {.outputs = run->outputs};
    TD_TRY(fill_inputs(run, inputs, input_count, err));
    td_time begin = tdi_now();
    TD_TRY(tdi_run_execute(run->head_run, err));
    result.ic = tdi_now() - begin;
    for (size_t p = 0; run->coder && p < (size_t)run->batch; p++)
        TD_TRY(pass_picture(run, p, &result, err));
    begin = tdi_now();
    if (run->tail)
        TD_TRY(tdi_run_execute(run->tail_run, err));
    result.is = run->tail ? tdi_now() - begin : 0;
    result.output_count = td_model_output_count(run->model);
    for (size_t i = 0; i < result.output_count; i++) {
        const tdi_run *last = run->tail ? run->tail_run : run->head_run;
        const void *data = run->coder && !run->tail ? run->decoded[i]
                                                    : tdi_run_output(last, (int)i);
        run->outputs[i].data = (void *)(uintptr_t)data;
    }
    *out = result;
    return TD_OK;
}
