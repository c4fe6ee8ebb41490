/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: graph -> program (immutable, shared by threads) -> run (one per thread).
 */
#ifndef TDI_ENGINE_ENGINE_H
#define TDI_ENGINE_ENGINE_H

#include "graph/graph.h"
#include "tensor/ranges.h"

/*
 * Packed weights by initializer and memory format, shared by all programs that are made with it
 * (halves of one model at several cuts, several batch sizes). Reference counted, thread-safe.
 */
typedef struct tdi_packs tdi_packs;
tdi_packs *tdi_packs_new(void);
tdi_packs *tdi_packs_ref(tdi_packs *packs);
void tdi_packs_unref(tdi_packs *packs);

/*
 * What kernels took on this machine, measured when programs are made with it; thread-safe. Programs
 * made without run the kernels that are chosen unmeasured, the same on every occasion.
 */
typedef struct tdi_timings tdi_timings;
tdi_timings *tdi_timings_new(void);
tdi_timings *tdi_timings_ref(tdi_timings *timings);
void tdi_timings_unref(tdi_timings *timings);
/* Told of every kernel that is timed, as one of the kernels of a program; NULL: nobody is. */
void tdi_timings_set_progress(tdi_timings *timings, td_progress_fn progress, void *user);
/* Adds what a file has. None, or one of another machine: nothing to add. TD_IO, TD_LIMIT. */
td_status tdi_timings_load(tdi_timings *timings, const char *path, td_error *err);
/* Writes the file where something was measured since. */
td_status tdi_timings_save(tdi_timings *timings, const char *path, td_error *err);

typedef struct tdi_program_settings {
    int64_t batch; /* pictures per run; 1 */
    int threads;   /* inside an operator; 1. OpenMP teams of threads that make or run programs get
                      that size */
    tdi_packs *packs;         /* NULL: the program's own */
    tdi_timings *timings;     /* NULL: kernels are not chosen by measuring */
    td_precision precision;   /* float32; one that the processor lacks is float32, too */
    const tdi_ranges *ranges; /* of values, by name: what has none is not computed with 8 bits */
} tdi_program_settings;

/*
 * A compiled graph. Does not keep a reference to `graph`, but to constants. Every value in
 * graph->outputs is computed as such (nothing fused across it), so that a graph with many outputs
 * yields every one.
 */
typedef struct tdi_program tdi_program;
td_status tdi_program_new(const tdi_graph *graph, const tdi_program_settings *settings,
                          tdi_program **out, td_error *err);
tdi_program *tdi_program_ref(tdi_program *program);
void tdi_program_unref(tdi_program *program);

/* Whether the engine runs every operator of the graph: TD_UNSUPPORTED names operator and node. */
td_status tdi_engine_check(const tdi_graph *graph, td_error *err);

/* Whether the value is one that tdi_program_settings.ranges may have a range for. */
int tdi_value_has_range(const tdi_value *value);
/* Whether the processor has what makes that precision worthwhile. */
int tdi_engine_computes(td_precision precision);

typedef struct tdi_footprint {
    size_t
        weights_bytes; /* packed weights and constants (of a shared set: those this program uses) */
    size_t arena_bytes, scratch_bytes; /* per run */
} tdi_footprint;
tdi_footprint tdi_program_footprint(const tdi_program *program);
/* One line per step: operator(s), implementation, shapes, bytes; for inspection. tdi_free(). */
char *tdi_program_describe(const tdi_program *program);

/* What a program executes, step by step; for reports. Strings live as long as the program. */
typedef struct tdi_step_info {
    const char *type;  /* "Conv"; "copy" for a change of format */
    const char *fused; /* what is done along with it, as "+Relu"; "" */
    const char *name;  /* the node's, or the copied tensor's */
    const char *backend, *implementation;
    td_shape shape; /* of the result */
    int64_t macs;   /* of the whole batch */
    size_t weights_bytes, scratch_bytes;
} tdi_step_info;
size_t tdi_program_step_count(const tdi_program *program);
tdi_step_info tdi_program_step(const tdi_program *program, size_t index);

/*
 * One thread's state: activations and scratchpad. Keeps a reference to the program. Inputs and
 * outputs are dense, row-major, in the dtype and with the batch of the program's inputs and
 * outputs, in graph order.
 */
typedef struct tdi_run tdi_run;
td_status tdi_run_new(tdi_program *program, tdi_run **out, td_error *err);
void tdi_run_free(tdi_run *run);
/* Where to write input `index` before execute; owned by the run. Must be written anew before each
 * execute. */
void *tdi_run_input(tdi_run *run, int index);
size_t tdi_run_input_bytes(const tdi_run *run, int index);
/* Computes. Allocates nothing of ours. One thread at a time per run, any number of runs of one
 * program at once. */
td_status tdi_run_execute(tdi_run *run, td_error *err);
/* The same, and writes what each step took; `durations` has room for the program's steps. */
td_status tdi_run_profile(tdi_run *run, td_duration *durations, td_error *err);
/* Valid until the next execute. */
const void *tdi_run_output(const tdi_run *run, int index);
size_t tdi_run_output_bytes(const tdi_run *run, int index);

#endif
