/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offline work: making bundles and measuring cuts and strategies. UNSTABLE: this header changes
 * between minor versions; define TANDEM_UNSTABLE before including it to say that you know.
 */
#ifndef TANDEM_LAB_H
#define TANDEM_LAB_H

#ifndef TANDEM_UNSTABLE
#error "tandem/lab.h is unstable: define TANDEM_UNSTABLE to use it"
#endif

#include <tandem/base.h>
#include <tandem/model.h>
#include <tandem/picture.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct td_prepare_settings {
    const char *model;         /* .onnx file */
    td_model_settings opening; /* sizes that are bound are written into the bundle's model */
    const char *name;          /* of the bundle; NULL: the last part of `bundle` */
    const char
        *bundle; /* folder to write; must not exist, unless it is a bundle and `replace` is set */
    int replace;
    td_source *pictures; /* the calibration pictures; borrowed */
    const char *labels;  /* label file; NULL: none */
    const char *recipe;  /* see td_recipe_parse(); NULL: as td_model_recipe() for an ONNX file */
    int has_output_kind; /* 0: told from the graph (last operator Softmax: probabilities; N x K:
                            logits; else raw) */
    td_output_kind output_kind;
    const char *const *cuts; /* cuts to calibrate; none: every single-tensor cut */
    size_t cut_count;
    /* What the bundle says is meant where the user names none. NULL: nothing; a strategy goes with
     * a cut, and both are checked before anything runs. */
    const char *default_cut, *default_strategy;
    int threads; /* 0: one per processor */
    td_progress_fn progress;
    void *progress_user;
} td_prepare_settings;

TD_API td_prepare_settings td_prepare_settings_default(void);

/* Makes a bundle: docs/bundle.md. Written beside its place and renamed when whole; nothing is left
 * on failure. */
TD_API td_status td_prepare(const td_prepare_settings *settings, td_error *err);

typedef struct td_eval_settings {
    const char *model; /* bundle (or .onnx file, for strategies without calibration) */
    td_model_settings opening;
    td_source *pictures;     /* borrowed */
    const char *const *cuts; /* none: the bundle's default cut, or `input` */
    size_t cut_count;
    /* None: for each cut what td_device_settings says. What does not fit a cut (`picture` elsewhere
     * than at `input`) is refused before anything runs. */
    const char *const *strategies;
    size_t strategy_count;
    td_precision precision; /* of heads and tails; the uncut network that they are compared with is
                               float32 */
    int allow_overlap;      /* evaluate on calibration pictures; the report then says so */
    int threads;            /* 0: one per processor */
    td_progress_fn progress;
    void *progress_user;
} td_eval_settings;

TD_API td_eval_settings td_eval_settings_default(void);

/* One cut with one strategy. Shares are in 0..1; NaN where a figure does not exist (no labels, raw
 * outputs). */
typedef struct td_eval_point {
    const char *cut, *strategy; /* owned by the report; strategy with every setting written out */
    int64_t elements;
    size_t pictures;
    double bytes_mean, bytes_p95;
    double bits_per_element; /* 8 * bytes_mean / elements */
    double kl;               /* nats, mean over pictures of KL(uncut || split) */
    double agreement;        /* share of pictures with the uncut model's first class */
    double accuracy;
    double psnr_db; /* of the features; infinity where they are exact */
    double
        output_relative_mse; /* sum (split - uncut)^2 / sum uncut^2 over all outputs and pictures */
    double encode_us, decode_us; /* medians per picture */
    int overlap; /* calibration saw some of these pictures, and strategy or precision use it */
} td_eval_point;

typedef struct td_eval_report {
    char *model;
    size_t pictures;
    td_precision precision; /* that heads and tails were computed with */
    size_t overlapping;     /* pictures that the calibration saw */
    double uncut_accuracy;
    size_t uncut_correct;
    size_t point_count; /* cuts x strategies, cuts outermost */
    td_eval_point *points;
} td_eval_report;

/* Measures. On success the caller owns the report's content: td_eval_report_clear(). */
TD_API td_status td_eval(const td_eval_settings *settings, td_eval_report *out, td_error *err);
TD_API void td_eval_report_clear(td_eval_report *report);

#ifdef __cplusplus
}
#endif

#endif
