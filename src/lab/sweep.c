/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/sweep.h"

#include "base/clock.h"
#include "base/pool.h"

/* One worker's instance of a cut. */
typedef struct bench {
    td_head *head;
    td_tail *tail;
    tdi_coder **coders; /* one a strategy */
    uint8_t *bytes;     /* room for the largest bound */
    size_t bytes_capacity;
} bench;

typedef struct worker {
    td_head *uncut;
    bench *benches; /* one a cut */
    const float **outputs;
} worker;

typedef struct team {
    const tdi_sweep *sweep;
    worker *workers;
    size_t output_count;
} team;

static td_status bench_open(bench *b, const tdi_sweep *sweep, const tdi_sweep_cut *cut,
                            td_error *err) {
    const td_half_settings settings = {1, sweep->precision};
    TD_TRY(td_head_open(sweep->model, cut->cut, &settings, &b->head, err));
    TD_TRY(td_tail_open(sweep->model, cut->cut, &settings, &b->tail, err));
    b->coders = tdi_calloc(cut->strategy_count, sizeof *b->coders);
    if (!b->coders)
        return tdi_fail_memory(err);
    for (size_t i = 0; i < cut->strategy_count; i++) {
        TD_TRY(tdi_coder_open(sweep->model, cut->cut, cut->strategies[i], &b->coders[i], err));
        size_t bound = tdi_coder_bound(b->coders[i]);
        b->bytes_capacity = bound > b->bytes_capacity ? bound : b->bytes_capacity;
    }
    b->bytes = tdi_malloc(b->bytes_capacity);
    return b->bytes ? TD_OK : tdi_fail_memory(err);
}

static void bench_close(bench *b, const tdi_sweep_cut *cut) {
    for (size_t i = 0; b->coders && i < cut->strategy_count; i++)
        tdi_coder_close(b->coders[i]);
    tdi_free(b->coders);
    tdi_free(b->bytes);
    td_tail_close(b->tail);
    td_head_close(b->head);
}

static td_status worker_open(worker *w, const team *t, td_error *err) {
    const tdi_sweep *sweep = t->sweep;
    TD_TRY(td_head_open(sweep->model, "output", NULL, &w->uncut, err));
    w->outputs = tdi_calloc(t->output_count, sizeof *w->outputs);
    w->benches = tdi_calloc(sweep->cut_count + 1, sizeof *w->benches);
    if (!w->outputs || !w->benches)
        return tdi_fail_memory(err);
    for (size_t i = 0; i < sweep->cut_count; i++)
        TD_TRY(bench_open(&w->benches[i], sweep, &sweep->cuts[i], err));
    return TD_OK;
}

static void worker_close(worker *w, const team *t) {
    for (size_t i = 0; w->benches && i < t->sweep->cut_count; i++)
        bench_close(&w->benches[i], &t->sweep->cuts[i]);
    tdi_free(w->benches);
    tdi_free(w->outputs);
    td_head_close(w->uncut);
}

/* What a picture is compared with: the uncut network's outputs on it. */
typedef struct reference {
    const void *outputs[TDI_CUT_TENSORS_MAX];
    int32_t label, first; /* first: -1 for raw outputs */
    size_t classes;
} reference;

static void compare_outputs(const team *t, const worker *w, const bench *b, const reference *ref,
                            tdi_sample *sample) {
    td_output_kind kind = t->sweep->model->output_kind;
    sample->kl = tdi_kl(ref->outputs[0], w->outputs[0], ref->classes, kind);
    if (ref->first >= 0) {
        int32_t first = tdi_first_class(w->outputs[0], ref->classes);
        sample->agrees = first == ref->first;
        sample->correct = first == ref->label;
    }
    sample->output_error = 0;
    for (size_t i = 0; i < t->output_count; i++) {
        const float *a = ref->outputs[i], *c = w->outputs[i];
        for (int64_t k = 0; k < td_tail_output_elements(b->tail, i); k++)
            sample->output_error += ((double)c[k] - a[k]) * ((double)c[k] - a[k]);
    }
}

static td_status measure(const team *t, worker *w, const bench *b, tdi_coder *coder,
                         const void *const *features, const reference *ref, tdi_sample *sample,
                         td_error *err) {
    const void *decoded[TDI_CUT_TENSORS_MAX];
    uint32_t sizes[TDI_CUT_TENSORS_MAX];
    size_t tensors = tdi_coder_tensor_count(coder);
    td_time begin = tdi_now();
    TD_TRY(
        tdi_coder_encode(coder, features, b->bytes, b->bytes_capacity, sizes, &sample->bytes, err));
    td_time encoded = tdi_now();
    TD_TRY(tdi_coder_decode(coder, b->bytes, sample->bytes, sizes, tensors, decoded, err));
    sample->decode = tdi_now() - encoded;
    sample->encode = encoded - begin;
    sample->features = tdi_distortion_empty();
    for (size_t i = 0; i < tensors; i++) {
        td_layout layout = td_head_layout(b->head, i);
        tdi_distortion_add(&sample->features, &layout, features[i], decoded[i]);
    }
    TD_TRY(td_tail_run(b->tail, decoded, w->outputs, err));
    compare_outputs(t, w, b, ref, sample);
    return TD_OK;
}

static td_status run_uncut(const team *t, worker *w, const td_picture *picture, reference *ref,
                           tdi_uncut_sample *sample, td_error *err) {
    TD_TRY(td_head_run(w->uncut, picture, ref->outputs, err));
    sample->output_power = 0;
    for (size_t i = 0; i < t->output_count; i++) {
        td_layout layout = td_head_layout(w->uncut, i);
        const float *output = ref->outputs[i];
        for (int64_t k = 0; k < td_layout_elements(&layout); k++)
            sample->output_power += (double)output[k] * output[k];
    }
    td_layout first = td_head_layout(w->uncut, 0);
    ref->classes = (size_t)td_layout_elements(&first);
    ref->first = t->sweep->model->output_kind == TD_OUTPUT_RAW
                     ? -1
                     : tdi_first_class(ref->outputs[0], ref->classes);
    sample->correct = ref->first >= 0 && ref->first == ref->label;
    return TD_OK;
}

static td_status run_cuts(const team *t, worker *w, size_t index, const td_picture *picture,
                          const reference *ref, td_error *err) {
    size_t picture_count = td_source_count(t->sweep->source);
    for (size_t c = 0; c < t->sweep->cut_count; c++) {
        const tdi_sweep_cut *cut = &t->sweep->cuts[c];
        const bench *b = &w->benches[c];
        const void *features[TDI_CUT_TENSORS_MAX];
        TD_TRY(td_head_run(b->head, picture, features, err));
        for (size_t s = 0; s < cut->strategy_count; s++) {
            td_status status = measure(t, w, b, b->coders[s], features, ref,
                                       &cut->samples[s * picture_count + index], err);
            if (status)
                return tdi_fail_prefix(err, status, "%s at cut %s", cut->strategies[s], cut->cut);
        }
    }
    return TD_OK;
}

static td_status run_picture(void *user, int number, size_t index, td_error *err) {
    const team *t = user;
    worker *w = &t->workers[number];
    td_picture picture = {0};
    td_source_item item;
    reference ref = {{NULL}, -1, -1, 0};
    TD_TRY(td_source_read(t->sweep->source, index, &picture, &item, err));
    ref.label = item.label;
    td_status status = run_uncut(t, w, &picture, &ref, &t->sweep->uncut[index], err);
    if (!status)
        status = run_cuts(t, w, index, &picture, &ref, err);
    td_picture_clear(&picture);
    return status;
}

td_status tdi_sweep_run(const tdi_sweep *sweep, td_error *err) {
    team t = {sweep, NULL, td_model_output_count(sweep->model)};
    td_status status = TD_OK;
    t.workers = tdi_calloc((size_t)sweep->threads, sizeof *t.workers);
    if (!t.workers)
        return tdi_fail_memory(err);
    for (int i = 0; i < sweep->threads && !status; i++)
        status = worker_open(&t.workers[i], &t, err);
    if (!status)
        status = tdi_pool_run(sweep->threads, td_source_count(sweep->source), run_picture, &t,
                              "pictures", sweep->progress, sweep->progress_user, err);
    for (int i = 0; i < sweep->threads; i++)
        worker_close(&t.workers[i], &t);
    tdi_free(t.workers);
    return status;
}
