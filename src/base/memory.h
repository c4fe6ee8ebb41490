/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heap of the library (td_memory), and an arena for many small things that die together.
 */
#ifndef TDI_BASE_MEMORY_H
#define TDI_BASE_MEMORY_H

#include <tandem/base.h>

void *tdi_malloc(size_t bytes);
void *tdi_calloc(size_t count, size_t bytes); /* checks count * bytes for overflow */
void *tdi_realloc(void *ptr, size_t bytes);
void tdi_free(void *ptr);
char *tdi_strdup(const char *text);
char *tdi_strndup(const char *text, size_t bytes);

/* Aligned to TDI_ALIGNMENT, with TDI_EXTRA_BYTES readable past the end; free with
 * tdi_free_aligned(). */
#define TDI_ALIGNMENT   64
#define TDI_EXTRA_BYTES 64
void *tdi_malloc_aligned(size_t bytes);
void tdi_free_aligned(void *ptr);

/*
 * Makes room in a growing array: *array has room for *capacity elements of `element_bytes`;
 * afterwards for at least `needed`. Returns 0, or -1 with everything as it was.
 */
int tdi_grow(void *array, size_t *capacity, size_t needed, size_t element_bytes);

typedef struct tdi_arena_block tdi_arena_block;
typedef struct tdi_arena {
    tdi_arena_block *head;
} tdi_arena; /* zero-initialized is empty and ready */

/* Zeroed, aligned to 16 bytes; NULL when out of memory. Freed only with the whole arena. */
void *tdi_arena_alloc(tdi_arena *arena, size_t bytes);
void *tdi_arena_copy(tdi_arena *arena, const void *data, size_t bytes);
char *tdi_arena_strdup(tdi_arena *arena, const char *text);
char *tdi_arena_strndup(tdi_arena *arena, const char *text, size_t bytes);
void tdi_arena_free(tdi_arena *arena);

#endif
