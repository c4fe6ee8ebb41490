/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kernels took on this machine, by a text that says what was run. Kept in a file of the user's
 * cache so that nothing is measured twice; the file is a cache in every sense: whatever of it
 * cannot be read is measured again. The set itself is declared in engine.h.
 *
 * The file: a line "tandem-timings 1 MACHINE", then lines "NANOSECONDS IN OUT BYTES KEY";
 * nanoseconds are 0 where there is no such kernel, IN and OUT are forms, BYTES those
 * of the weights.
 */
#ifndef TDI_ENGINE_TIMINGS_H
#define TDI_ENGINE_TIMINGS_H

#include "engine/backend.h"
#include "engine/engine.h"

#define TDI_TIMINGS_KEY_MAX   1000
#define TDI_TIMINGS_COUNT_MAX 100000

typedef struct tdi_timing {
    td_duration time; /* 0: it was found that there is no such kernel */
    int in, out;      /* forms of input 0 and the result */
    int64_t weights_bytes;
} tdi_timing;

/* Whether the kernel was measured. */
int tdi_timings_find(tdi_timings *timings, const char *key, tdi_timing *out);
/* Something is being measured after `done` of a program's `total` steps; all of them: no more. */
void tdi_timings_report(tdi_timings *timings, size_t done, size_t total);
/* Keys are printable; one that is too long, or one too many, is not kept. TD_MEMORY. */
td_status tdi_timings_add(tdi_timings *timings, const char *key, const tdi_timing *timing,
                          td_error *err);

/* Takes over what a file's content has for this machine and is not there yet. TD_MEMORY. */
td_status tdi_timings_parse(tdi_timings *timings, const char *data, size_t size, td_error *err);

/* Holds for one processor and one set of libraries: 64 hexadecimal digits. */
void tdi_timings_machine(char out[65]);

#endif
