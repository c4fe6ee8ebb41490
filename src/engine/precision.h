/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which steps may be computed with how few bits, and how values are written in 8 of them.
 */
#ifndef TDI_ENGINE_PRECISION_H
#define TDI_ENGINE_PRECISION_H

#include "engine/engine.h"
#include "engine/plan.h"

/* x is written as round(x / scale), clipped to what the type holds. Values that are never negative
 * are unsigned. */
typedef struct tdi_quant {
    td_dtype dtype; /* TD_DTYPE_U8 or TD_DTYPE_I8; TD_DTYPE_NONE: it is not written so */
    float scale;
} tdi_quant;

/*
 * Sets the precision of the plan's steps. *quants: per value, in `arena`; NULL where nothing has 8
 * bits. `ranges` may be NULL. TD_MEMORY.
 */
td_status tdi_precision_assign(const tdi_graph *graph, tdi_plan *plan, tdi_arena *arena,
                               td_precision precision, const tdi_ranges *ranges, tdi_quant **quants,
                               td_error *err);

#endif
