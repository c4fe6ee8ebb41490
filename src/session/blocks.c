/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recycled pieces of memory in classes of powers of two.
 */
#include "session/blocks.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

void tdi_blocks_init(tdi_blocks *blocks, size_t limit_bytes, size_t idle_max) {
    memset(blocks, 0, sizeof *blocks);
    blocks->limit_bytes = limit_bytes;
    blocks->idle_max = idle_max;
}

static void destroy(tdi_block *block) {
    tdi_free(block->data);
    tdi_free(block);
}

void tdi_blocks_fini(tdi_blocks *blocks) {
    assert(blocks->taken_bytes == 0);
    for (int c = 0; c < TDI_BLOCK_CLASS_COUNT; c++)
        while (blocks->idle[c]) {
            tdi_block *block = blocks->idle[c];
            blocks->idle[c] = block->next;
            destroy(block);
        }
    memset(blocks, 0, sizeof *blocks);
}

/* The class that holds `bytes`, or -1. */
static int class_of(size_t bytes) {
    for (int c = 0; c < TDI_BLOCK_CLASS_COUNT; c++)
        if (bytes <= (size_t)TDI_BLOCK_BYTES_MIN << c)
            return c;
    return -1;
}

int tdi_blocks_room(const tdi_blocks *blocks, size_t bytes) {
    int c = class_of(bytes);
    if (c < 0 || blocks->taken_bytes > blocks->limit_bytes)
        return 0;
    return (size_t)TDI_BLOCK_BYTES_MIN << c <= blocks->limit_bytes - blocks->taken_bytes;
}

static tdi_block *create(int size_class) {
    tdi_block *block = tdi_calloc(1, sizeof *block);
    if (!block)
        return NULL;
    block->size_class = size_class;
    block->capacity = (size_t)TDI_BLOCK_BYTES_MIN << size_class;
    block->data = tdi_malloc(block->capacity);
    if (!block->data) {
        tdi_free(block);
        return NULL;
    }
    return block;
}

tdi_block *tdi_blocks_take(tdi_blocks *blocks, size_t bytes) {
    int c = class_of(bytes);
    if (c < 0)
        return NULL;
    tdi_block *block = blocks->idle[c];
    if (block) {
        blocks->idle[c] = block->next;
        blocks->idle_bytes -= block->capacity;
    } else if (!(block = create(c))) {
        return NULL;
    }
    block->next = NULL;
    block->size = bytes;
    blocks->taken_bytes += block->capacity;
    return block;
}

void tdi_blocks_give(tdi_blocks *blocks, tdi_block *block) {
    if (!block)
        return;
    blocks->taken_bytes -= block->capacity;
    if (block->capacity > blocks->idle_max - blocks->idle_bytes) {
        destroy(block);
        return;
    }
    block->next = blocks->idle[block->size_class];
    blocks->idle[block->size_class] = block;
    blocks->idle_bytes += block->capacity;
}
