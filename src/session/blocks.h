/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recycled pieces of memory for payloads and outgoing messages, so that a steady stream of frames
 * allocates nothing. One thread at a time.
 */
#ifndef TDI_SESSION_BLOCKS_H
#define TDI_SESSION_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

typedef struct tdi_block {
    uint8_t *data;
    size_t size;     /* of the content */
    size_t capacity; /* 2^size_class * TDI_BLOCK_BYTES_MIN */
    int size_class;
    struct tdi_block *next; /* for its holder's lists */
} tdi_block;

#define TDI_BLOCK_BYTES_MIN   256u
#define TDI_BLOCK_CLASS_COUNT 20 /* up to 128 MiB */

typedef struct tdi_blocks {
    tdi_block *idle[TDI_BLOCK_CLASS_COUNT];
    size_t taken_bytes; /* held by somebody */
    size_t limit_bytes; /* of taken_bytes, as far as tdi_blocks_room() is concerned */
    size_t idle_bytes;  /* kept for later, at most idle_max */
    size_t idle_max;
} tdi_blocks;

void tdi_blocks_init(tdi_blocks *blocks, size_t limit_bytes, size_t idle_max);
/* Every block must have been given back. */
void tdi_blocks_fini(tdi_blocks *blocks);

/* Whether a block of `bytes` would stay within the limit; asked before memory is given to a peer's
 * payload. */
int tdi_blocks_room(const tdi_blocks *blocks, size_t bytes);
/* A block with content size `bytes`; NULL when out of memory or above the largest class. */
tdi_block *tdi_blocks_take(tdi_blocks *blocks, size_t bytes);
/* NULL is allowed. */
void tdi_blocks_give(tdi_blocks *blocks, tdi_block *block);

#endif
