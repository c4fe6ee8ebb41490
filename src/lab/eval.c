/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measuring cuts and strategies: checks what was asked for, runs sweeps, and sums their samples up,
 * in picture order so that the figures are the same for any number of threads.
 */
#define TANDEM_UNSTABLE
#include <tandem/lab.h>

#include <math.h>
#include <string.h>

#include "base/pool.h"
#include "lab/overlap.h"
#include "lab/sweep.h"

/* Cuts per pass over the pictures: each takes a head and a tail per worker, and a pass over again
 * only the uncut network. */
#define CUTS_PER_SWEEP 8

td_eval_settings td_eval_settings_default(void) {
    td_eval_settings settings;
    memset(&settings, 0, sizeof settings);
    return settings;
}

typedef struct evaluation {
    const td_eval_settings *settings;
    td_model *model;
    int threads;
    size_t picture_count;
    size_t cut_count;
    tdi_sweep_cut *cuts;
    const char **default_strategies; /* [cut], where none were asked for */
    const char *default_cut[1];
    int *uses_calibration; /* [point] */
    tdi_uncut_sample *uncut;
    double *column; /* room for one figure of every picture */
    td_eval_report *report;
    size_t done_sweeps, sweep_count; /* for progress */
} evaluation;

static void evaluation_fini(evaluation *e) {
    for (size_t i = 0; e->cuts && i < e->cut_count; i++)
        tdi_free(e->cuts[i].samples);
    tdi_free(e->cuts);
    tdi_free(e->default_strategies);
    tdi_free(e->uses_calibration);
    tdi_free(e->uncut);
    tdi_free(e->column);
    td_model_unref(e->model);
}

static td_status choose_cuts(evaluation *e, td_error *err) {
    const td_eval_settings *settings = e->settings;
    const char *const *names = settings->cuts;
    e->cut_count = settings->cut_count;
    if (e->cut_count == 0) {
        e->default_cut[0] = tdi_default_cut(e->model->bundle, "input");
        names = e->default_cut;
        e->cut_count = 1;
    }
    e->cuts = tdi_calloc(e->cut_count, sizeof *e->cuts);
    e->default_strategies = tdi_calloc(e->cut_count, sizeof *e->default_strategies);
    if (!e->cuts || !e->default_strategies)
        return tdi_fail_memory(err);
    for (size_t i = 0; i < e->cut_count; i++) {
        tdi_sweep_cut *cut = &e->cuts[i];
        e->default_strategies[i] = tdi_default_strategy(e->model->bundle, names[i]);
        cut->cut = names[i];
        cut->strategies = settings->strategy_count ? settings->strategies
                                                   : &e->default_strategies[i];
        cut->strategy_count = settings->strategy_count ? settings->strategy_count : 1;
        cut->samples = tdi_calloc(cut->strategy_count * e->picture_count, sizeof *cut->samples);
        if (!cut->samples)
            return tdi_fail_memory(err);
    }
    return TD_OK;
}

/* Opens every strategy once, so that what does not fit is refused before anything runs. */
static td_status describe_point(evaluation *e, const tdi_sweep_cut *cut, const char *strategy,
                                size_t index, td_error *err) {
    td_eval_point *point = &e->report->points[index];
    tdi_coder *coder = NULL;
    td_cut_info info;
    td_status status = td_model_cut_find(e->model, cut->cut, &info, err);
    if (status)
        return cut->cut == e->default_cut[0]
                   ? tdi_fail_prefix(err, status, "default cut of %s", e->model->name)
                   : status;
    status = tdi_coder_open(e->model, cut->cut, strategy, &coder, err);
    if (status == TD_STRATEGY)
        tdi_fail_prefix(err, status, "strategy \"%s\" at cut %s", strategy, cut->cut);
    if (status)
        return status;
    point->elements = tdi_coder_elements(coder);
    point->pictures = e->picture_count;
    point->strategy = tdi_strdup(tdi_coder_strategy(coder));
    point->cut = tdi_strdup(info.name);
    tdi_coder_close(coder);
    if (!point->strategy || !point->cut)
        return tdi_fail_memory(err);
    return td_strategy_uses_calibration(strategy, &e->uses_calibration[index], err);
}

static td_status describe_points(evaluation *e, td_error *err) {
    td_eval_report *report = e->report;
    size_t per_cut = e->cuts[0].strategy_count;
    report->points = tdi_calloc(e->cut_count * per_cut, sizeof *report->points);
    e->uses_calibration = tdi_calloc(e->cut_count * per_cut, sizeof *e->uses_calibration);
    if (!report->points || !e->uses_calibration)
        return tdi_fail_memory(err);
    report->point_count = e->cut_count * per_cut;
    for (size_t i = 0; i < report->point_count; i++) {
        const tdi_sweep_cut *cut = &e->cuts[i / per_cut];
        TD_TRY(describe_point(e, cut, cut->strategies[i % per_cut], i, err));
    }
    return TD_OK;
}

static td_status check_overlap(evaluation *e, td_error *err) {
    td_eval_report *report = e->report;
    TD_TRY(
        tdi_overlap_count(e->model, e->settings->pictures, e->threads, &report->overlapping, err));
    if (!report->overlapping)
        return TD_OK;
    if (report->precision == TD_PRECISION_INT8 && !e->settings->allow_overlap)
        return tdi_fail(err, TD_MISMATCH,
                        "the calibration of %s saw %zu of these %zu pictures, and int8 uses it: "
                        "evaluate on other pictures (--subset), or say --allow-overlap to have the "
                        "result marked",
                        e->model->name, report->overlapping, e->picture_count);
    for (size_t i = 0; i < report->point_count; i++) {
        report->points[i].overlap = e->uses_calibration[i] ||
                                    report->precision == TD_PRECISION_INT8;
        if (e->uses_calibration[i] && !e->settings->allow_overlap)
            return tdi_fail(
                err, TD_MISMATCH,
                "the calibration of %s saw %zu of these %zu pictures, and strategy \"%s\" uses "
                "it: evaluate on other pictures (--subset), or say --allow-overlap to have the "
                "result marked",
                e->model->name, report->overlapping, e->picture_count, report->points[i].strategy);
    }
    return TD_OK;
}

static int sweep_progress(const char *what, uint64_t done, uint64_t total, void *user) {
    const evaluation *e = user;
    return e->settings->progress(what, e->done_sweeps * total + done, e->sweep_count * total,
                                 e->settings->progress_user);
}

static td_status run_sweeps(evaluation *e, td_error *err) {
    tdi_sweep sweep;
    memset(&sweep, 0, sizeof sweep);
    sweep.model = e->model;
    sweep.source = e->settings->pictures;
    sweep.uncut = e->uncut;
    sweep.precision = e->report->precision;
    sweep.threads = e->threads;
    sweep.progress = e->settings->progress ? sweep_progress : NULL;
    sweep.progress_user = e;
    e->sweep_count = (e->cut_count + CUTS_PER_SWEEP - 1) / CUTS_PER_SWEEP;
    for (size_t first = 0; first < e->cut_count; first += CUTS_PER_SWEEP) {
        size_t left = e->cut_count - first;
        sweep.cuts = e->cuts + first;
        sweep.cut_count = left < CUTS_PER_SWEEP ? left : CUTS_PER_SWEEP;
        TD_TRY(tdi_sweep_run(&sweep, err));
        e->done_sweeps++;
    }
    return TD_OK;
}

static void sum_times(evaluation *e, const tdi_sample *samples, td_eval_point *point) {
    size_t n = e->picture_count;
    for (size_t i = 0; i < n; i++)
        e->column[i] = (double)samples[i].encode / TD_US(1);
    point->encode_us = tdi_median(e->column, n);
    for (size_t i = 0; i < n; i++)
        e->column[i] = (double)samples[i].decode / TD_US(1);
    point->decode_us = tdi_median(e->column, n);
}

static void sum_quality(const evaluation *e, const tdi_sample *samples, td_eval_point *point) {
    size_t n = e->picture_count;
    int classes = e->model->output_kind != TD_OUTPUT_RAW;
    int labels = classes && td_source_has_labels(e->settings->pictures);
    double kl = 0, output_error = 0, output_power = 0;
    size_t agree = 0, correct = 0;
    tdi_distortion features = tdi_distortion_empty();
    for (size_t i = 0; i < n; i++) {
        const tdi_sample *s = &samples[i];
        kl += s->kl;
        output_error += s->output_error;
        output_power += e->uncut[i].output_power;
        agree += (size_t)s->agrees;
        correct += (size_t)s->correct;
        features.squared_error += s->features.squared_error;
        features.min = fmin(features.min, s->features.min);
        features.max = fmax(features.max, s->features.max);
    }
    point->kl = kl / (double)n;
    point->agreement = classes ? (double)agree / (double)n : NAN;
    point->accuracy = labels ? (double)correct / (double)n : NAN;
    point->output_relative_mse = output_power > 0 ? output_error / output_power : NAN;
    point->psnr_db = tdi_psnr(features.max - features.min,
                              features.squared_error / ((double)n * (double)point->elements));
}

static void sum_point(evaluation *e, const tdi_sample *samples, td_eval_point *point) {
    size_t n = e->picture_count;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        e->column[i] = (double)samples[i].bytes;
        sum += e->column[i];
    }
    point->bytes_mean = sum / (double)n;
    point->bytes_p95 = tdi_percentile(e->column, n, 0.95);
    point->bits_per_element = 8 * point->bytes_mean / (double)point->elements;
    sum_times(e, samples, point);
    sum_quality(e, samples, point);
}

static void sum_up(evaluation *e) {
    td_eval_report *report = e->report;
    size_t per_cut = e->cuts[0].strategy_count;
    int labels = e->model->output_kind != TD_OUTPUT_RAW &&
                 td_source_has_labels(e->settings->pictures);
    for (size_t i = 0; i < e->picture_count; i++)
        report->uncut_correct += (size_t)e->uncut[i].correct;
    report->uncut_accuracy = labels ? (double)report->uncut_correct / (double)e->picture_count
                                    : NAN;
    for (size_t i = 0; i < report->point_count; i++)
        sum_point(e, e->cuts[i / per_cut].samples + i % per_cut * e->picture_count,
                  &report->points[i]);
}

static td_status evaluate(evaluation *e, td_error *err) {
    TD_TRY(td_model_open_with(e->settings->model, &e->settings->opening, &e->model, err));
    TD_TRY(tdi_model_check_pictures(e->model, err));
    TD_TRY(td_model_precision(e->model, e->settings->precision, &e->report->precision, err));
    e->report->model = tdi_strdup(td_model_name(e->model));
    e->report->pictures = e->picture_count;
    e->uncut = tdi_calloc(e->picture_count, sizeof *e->uncut);
    e->column = tdi_calloc(e->picture_count, sizeof *e->column);
    if (!e->report->model || !e->uncut || !e->column)
        return tdi_fail_memory(err);
    TD_TRY(choose_cuts(e, err));
    TD_TRY(describe_points(e, err));
    TD_TRY(check_overlap(e, err));
    TD_TRY(run_sweeps(e, err));
    sum_up(e);
    return TD_OK;
}

td_status td_eval(const td_eval_settings *settings, td_eval_report *out, td_error *err) {
    evaluation e;
    if (!settings->model || !settings->pictures)
        return tdi_fail(err, TD_ARGUMENT, "td_eval: model and pictures must be set");
    memset(&e, 0, sizeof e);
    memset(out, 0, sizeof *out);
    e.settings = settings;
    e.report = out;
    e.picture_count = td_source_count(settings->pictures);
    e.threads = settings->threads > 0 ? settings->threads : tdi_cpu_count();
    if (e.picture_count == 0)
        return tdi_fail(err, TD_NOT_FOUND, "there are no pictures to evaluate on");
    td_status status = evaluate(&e, err);
    evaluation_fini(&e);
    if (status)
        td_eval_report_clear(out);
    return status;
}

void td_eval_report_clear(td_eval_report *report) {
    for (size_t i = 0; i < report->point_count; i++) {
        tdi_free((char *)report->points[i].cut);
        tdi_free((char *)report->points[i].strategy);
    }
    tdi_free(report->points);
    tdi_free(report->model);
    memset(report, 0, sizeof *report);
}
