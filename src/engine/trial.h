/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timing one kernel by itself, as it will be run: with its input fresh in the caches and its
 * weights not.
 */
#ifndef TDI_ENGINE_TRIAL_H
#define TDI_ENGINE_TRIAL_H

#include "base/clock.h"
#include "engine/backend.h"

/*
 * The shortest of several executions. Gives up early, with the time so far, once a kernel has been
 * seen to take more than twice `best` (0: there is none).
 */
td_status tdi_trial(const tdi_compile *compile, const tdi_kernel *kernel, int input_count,
                    int threads, td_duration best, td_duration *out, td_error *err);

#endif
