/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heap that the user may replace, aligned blocks on top of it, growing arrays, and the arena.
 */
#include "base/memory.h"

#include "base/large.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

static void *libc_malloc(size_t bytes, void *user) {
    (void)user;
    return bytes < TDI_LARGE_BYTES ? malloc(bytes) : tdi_large_malloc(bytes);
}

static void *libc_calloc(size_t count, size_t bytes, void *user) {
    (void)user;
    return calloc(count, bytes);
}

static void *libc_realloc(void *ptr, size_t bytes, void *user) {
    (void)user;
    return realloc(ptr, bytes);
}

static void libc_free(void *ptr, void *user) {
    (void)user;
    free(ptr);
}

/* Written once, before any other thread calls into the library (td_memory_set()). */
static td_memory heap = {libc_malloc, libc_calloc, libc_realloc, libc_free, NULL};

td_status td_memory_set(const td_memory *memory) {
    if (!memory || !memory->malloc || !memory->calloc || !memory->realloc || !memory->free)
        return TD_ARGUMENT;
    heap = *memory;
    return TD_OK;
}

void td_free(void *ptr) {
    tdi_free(ptr);
}

void *tdi_malloc(size_t bytes) {
    return heap.malloc(bytes ? bytes : 1, heap.user);
}

void *tdi_calloc(size_t count, size_t bytes) {
    if (bytes && count > SIZE_MAX / bytes)
        return NULL;
    if (!count || !bytes)
        count = bytes = 1;
    return heap.calloc(count, bytes, heap.user);
}

void *tdi_realloc(void *ptr, size_t bytes) {
    return heap.realloc(ptr, bytes ? bytes : 1, heap.user);
}

void tdi_free(void *ptr) {
    if (ptr)
        heap.free(ptr, heap.user);
}

char *tdi_strndup(const char *text, size_t bytes) {
    char *copy = tdi_malloc(bytes + 1);
    if (copy) {
        memcpy(copy, text, bytes);
        copy[bytes] = 0;
    }
    return copy;
}

char *tdi_strdup(const char *text) {
    return tdi_strndup(text, strlen(text));
}

/* The block that the heap gave out is remembered in the pointer-sized slot before the aligned one.
 */
void *tdi_malloc_aligned(size_t bytes) {
    const size_t extra = TDI_ALIGNMENT + TDI_EXTRA_BYTES + sizeof(void *);
    if (bytes > SIZE_MAX - extra)
        return NULL;
    uint8_t *block = tdi_malloc(bytes + extra);
    if (!block)
        return NULL;
    uintptr_t first = (uintptr_t)block + sizeof(void *);
    uint8_t *aligned = block + sizeof(void *) +
                       (TDI_ALIGNMENT - first % TDI_ALIGNMENT) % TDI_ALIGNMENT;
    memcpy(aligned - sizeof(void *), &block, sizeof block);
    return aligned;
}

void tdi_free_aligned(void *ptr) {
    if (!ptr)
        return;
    void *block;
    memcpy(&block, (uint8_t *)ptr - sizeof(void *), sizeof block);
    tdi_free(block);
}

int tdi_grow(void *array, size_t *capacity, size_t needed, size_t element_bytes) {
    if (needed <= *capacity)
        return 0;
    size_t wanted = *capacity < 8 ? 8 : *capacity;
    while (wanted < needed) {
        if (wanted > SIZE_MAX / 2)
            return -1;
        wanted *= 2;
    }
    if (wanted > SIZE_MAX / element_bytes)
        return -1;
    void *old;
    memcpy(&old, array, sizeof old);
    void *grown = tdi_realloc(old, wanted * element_bytes);
    if (!grown)
        return -1;
    memcpy(array, &grown, sizeof grown);
    *capacity = wanted;
    return 0;
}

#define ARENA_BLOCK_BYTES ((size_t)16 * 1024)

struct tdi_arena_block {
    tdi_arena_block *next;
    size_t size, used; /* of the bytes that follow the header */
};

/* Keeps what follows the header aligned to 16. */
static uint8_t *block_bytes(tdi_arena_block *block) {
    return (uint8_t *)block + (sizeof *block + 15) / 16 * 16;
}

void *tdi_arena_alloc(tdi_arena *arena, size_t bytes) {
    if (bytes > SIZE_MAX / 2)
        return NULL;
    bytes = bytes ? (bytes + 15) / 16 * 16 : 16;
    tdi_arena_block *block = arena->head;
    if (!block || bytes > block->size - block->used) {
        size_t size = bytes > ARENA_BLOCK_BYTES ? bytes : ARENA_BLOCK_BYTES;
        tdi_arena_block *fresh = tdi_calloc(1, (sizeof *fresh + 15) / 16 * 16 + size);
        if (!fresh)
            return NULL;
        fresh->size = size;
        if (block &&
            bytes > ARENA_BLOCK_BYTES) { /* a large one of its own; the open block stays in front */
            fresh->next = block->next;
            block->next = fresh;
        } else {
            fresh->next = block;
            arena->head = fresh;
        }
        block = fresh;
    }
    void *out = block_bytes(block) + block->used;
    block->used += bytes;
    return out;
}

void *tdi_arena_copy(tdi_arena *arena, const void *data, size_t bytes) {
    void *copy = tdi_arena_alloc(arena, bytes);
    if (copy && bytes)
        memcpy(copy, data, bytes);
    return copy;
}

char *tdi_arena_strndup(tdi_arena *arena, const char *text, size_t bytes) {
    if (bytes == SIZE_MAX)
        return NULL;
    char *copy = tdi_arena_alloc(arena, bytes + 1);
    if (copy)
        memcpy(copy, text, bytes);
    return copy;
}

char *tdi_arena_strdup(tdi_arena *arena, const char *text) {
    return tdi_arena_strndup(arena, text, strlen(text));
}

void tdi_arena_free(tdi_arena *arena) {
    while (arena->head) {
        tdi_arena_block *next = arena->head->next;
        tdi_free(arena->head);
        arena->head = next;
    }
}
