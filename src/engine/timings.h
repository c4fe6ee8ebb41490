/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kernels took on this machine, by a text that says what was run. Kept in a file of the user's
 * cache so that nothing is measured twice; the file is a cache in every sense: whatever of it
 * cannot be read is measured again. The set itself is declared in engine.h.
 *
 * The file: a line "tandem-timings 1 MACHINE", then lines "NANOSECONDS KEY".
 */
#ifndef TDI_ENGINE_TIMINGS_H
#define TDI_ENGINE_TIMINGS_H

#include "engine/engine.h"

#define TDI_TIMINGS_KEY_MAX   1000
#define TDI_TIMINGS_COUNT_MAX 100000

/* Whether the kernel was measured. */
int tdi_timings_find(tdi_timings *timings, const char *key, td_duration *out);
/* Keys are printable; one that is too long, or one too many, is not kept. TD_MEMORY. */
td_status tdi_timings_add(tdi_timings *timings, const char *key, td_duration time, td_error *err);

/* Takes over what a file's content has for this machine and is not there yet. TD_MEMORY. */
td_status tdi_timings_parse(tdi_timings *timings, const char *data, size_t size, td_error *err);

/* Holds for one processor and one set of libraries: 64 hexadecimal digits. */
void tdi_timings_machine(char out[65]);

#endif
