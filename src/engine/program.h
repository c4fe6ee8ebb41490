/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A compiled graph, seen from within the engine.
 *
 *   value   a tensor of the graph
 *   slot    a value in one format; several where steps want it in different ones
 *   storage the memory of slots: a constant, or a span of the run's arena. Views and results that
 *           overwrite an operand share their storage
 *   action  a kernel with the slots that it reads and writes
 */
#ifndef TDI_ENGINE_PROGRAM_H
#define TDI_ENGINE_PROGRAM_H

#include "base/atomic.h"
#include "engine/backend.h"
#include "engine/engine.h"
#include "engine/memory_plan.h"
#include "engine/plan.h"

typedef struct tdi_slot {
    int value; /* -1: a copy that belongs to one action */
    tdi_format format;
    int storage;
} tdi_slot;

typedef struct tdi_action {
    tdi_kernel *kernel;
    const tdi_step *step; /* NULL: a conversion between formats */
    int input_count;
    int *inputs; /* slots; -1: left out */
    int output;  /* slot */
} tdi_action;

struct tdi_program {
    tdi_refcount references;
    tdi_arena arena; /* kernels, formats, index arrays */
    tdi_graph *graph;
    tdi_packs *packs;
    tdi_plan plan;
    tdi_quant *quants; /* per value; NULL: none has 8 bits */
    int threads;
    void *states[TDI_BACKEND_COUNT];
    int opened; /* how many states there are */

    tdi_slot *slots;
    size_t slot_count, slot_capacity;
    tdi_span *spans; /* per storage */
    size_t storage_count, span_capacity;
    tdi_tensor **constants; /* per storage, pinned; NULL: in the arena of the run */
    size_t constant_capacity;
    tdi_action *actions;
    size_t action_count, action_capacity;

    int *inputs, *outputs; /* slots of the graph's */
    size_t arena_bytes, scratch_bytes, weights_bytes;
};

tdi_compile tdi_program_compile(tdi_program *program, const tdi_backend *backend);

/* assemble.c: from the plan to slots, storages and actions, and when each storage is in use. */
td_status tdi_program_assemble(tdi_program *program, td_error *err);

/* constants.c: gives every value that depends on no input its data. */
td_status tdi_constants_evaluate(tdi_graph *graph, td_error *err);

#endif
