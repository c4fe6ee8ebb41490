/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which kernel each step gets, where there are several: the set whose times, with the copies
 * between their layouts, add up to the least.
 */
#ifndef TDI_ENGINE_CHOOSE_H
#define TDI_ENGINE_CHOOSE_H

#include "engine/program.h"

/* Sets backend and variant of the plan's steps; measures what `timings` does not know yet. */
td_status tdi_choose(tdi_program *program, tdi_timings *timings, td_error *err);

#endif
