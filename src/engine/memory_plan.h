/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where in one arena buffers lie that live from a first to a last use: two that live at the same
 * time never overlap.
 */
#ifndef TDI_ENGINE_MEMORY_PLAN_H
#define TDI_ENGINE_MEMORY_PLAN_H

#include <stddef.h>

#include <tandem/base.h>

typedef struct tdi_span {
    size_t bytes;
    int first, last; /* uses, both included; first > last: never used, takes no room */
    size_t offset;   /* set by the plan; a multiple of TDI_ALIGNMENT */
} tdi_span;

/* Sets the offsets and returns the arena's size. TD_MEMORY, or TD_LIMIT where sizes overflow. */
td_status tdi_memory_plan(tdi_span *spans, size_t count, size_t *arena_bytes, td_error *err);

#endif
