/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which pictures of a source the calibration of a bundle saw.
 */
#ifndef TDI_LAB_OVERLAP_H
#define TDI_LAB_OVERLAP_H

#include "pipeline/pipeline.h"

/* How many pictures of the source, as fitted by the model's recipe, its bundle lists; 0 for a model
 * without a bundle. */
td_status tdi_overlap_count(const td_model *model, const td_source *source, int threads,
                            size_t *out, td_error *err);

#endif
