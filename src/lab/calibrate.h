/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gathering the statistics of a model's cuts, and the ranges of its tensors, over pictures.
 */
#ifndef TDI_LAB_CALIBRATE_H
#define TDI_LAB_CALIBRATE_H

#include "pipeline/model.h"

typedef struct tdi_calibrated_cut {
    tdi_place place;
    char *name;
} tdi_calibrated_cut;

typedef struct tdi_calibrate_settings {
    td_model *model;         /* borrowed */
    const td_source *source; /* borrowed */
    const char *const *cuts; /* none: every single-tensor cut that can be coded */
    size_t cut_count;
    int threads;
    td_progress_fn progress;
    void *progress_user;
} tdi_calibrate_settings;

typedef struct tdi_calibrated {
    tdi_calibrated_cut *cuts; /* each once */
    size_t cut_count, cut_capacity;
    int *tensors; /* value indices, each once */
    size_t tensor_count, tensor_capacity;
    td_calibration **calibrations; /* [tensor] */
    tdi_hash *hashes;              /* of the fitted pictures, in their order */
    size_t picture_count;
    tdi_ranges ranges; /* of all tensors that depend on the picture */
} tdi_calibrated;

/* The same for any number of threads. On failure there is nothing to clear. */
td_status tdi_calibrate(const tdi_calibrate_settings *settings, tdi_calibrated *out, td_error *err);
void tdi_calibrated_clear(tdi_calibrated *calibrated);
/* The calibration of a value of a calibrated cut. */
td_calibration *tdi_calibrated_tensor(const tdi_calibrated *calibrated, int value);

#endif
