/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins convolutions that follow each other into one step, where a backend runs them in one go.
 */
#ifndef TDI_ENGINE_CHAIN_H
#define TDI_ENGINE_CHAIN_H

#include "engine/fuse.h"
#include "engine/plan.h"

/* `readers`: per value. Steps that became part of a chain leave the list. TD_MEMORY. */
td_status tdi_chain(tdi_plan *plan, const tdi_graph *graph, const tdi_readers *readers,
                    td_error *err);

#endif
