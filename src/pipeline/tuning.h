/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process's timings of kernels.
 */
#ifndef TDI_PIPELINE_TUNING_H
#define TDI_PIPELINE_TUNING_H

#include "engine/engine.h"

/* For the settings of a program; NULL where kernels are not measured. */
tdi_timings *tdi_tuning(void);
/* Writes down what was measured since; a file that cannot be written loses nothing but time. */
void tdi_tuning_save(void);

#endif
