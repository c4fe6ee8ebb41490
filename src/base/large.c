/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* madvise() */
#include "base/large.h"

#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <sys/mman.h>

#define PAGE_BYTES ((size_t)2 << 20)

void *tdi_large_malloc(size_t bytes) {
    void *block = NULL;
    if (posix_memalign(&block, PAGE_BYTES, bytes) != 0)
        return NULL;
#ifdef MADV_HUGEPAGE
    /* Whole pages only: what follows belongs to others. A refusal changes nothing. */
    (void)madvise(block, bytes / PAGE_BYTES * PAGE_BYTES, MADV_HUGEPAGE);
#endif
    return block;
}

void tdi_large_trim(void) {
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
}
