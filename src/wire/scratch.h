/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fixed piece of memory for what lives as long as one message: allocation moves a mark, emptying
 * resets it. So no message, however made, takes more memory than this.
 */
#ifndef TDI_WIRE_SCRATCH_H
#define TDI_WIRE_SCRATCH_H

#include <stddef.h>
#include <stdint.h>

typedef struct tdi_scratch {
    uint8_t *data;
    size_t size, used;
} tdi_scratch;

/* Enough for every message within the limits, in both directions. */
#define TDI_SCRATCH_BYTES (256u * 1024)

/* 0, or -1 when out of memory. */
int tdi_scratch_init(tdi_scratch *scratch, size_t size);
void tdi_scratch_fini(tdi_scratch *scratch);

static inline void tdi_scratch_empty(tdi_scratch *scratch) {
    scratch->used = 0;
}
/* Zeroed, aligned to 16 bytes; NULL where the scratch is full. */
void *tdi_scratch_alloc(tdi_scratch *scratch, size_t count, size_t bytes);

#endif
