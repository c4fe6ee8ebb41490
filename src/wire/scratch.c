/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fixed piece of memory for what lives as long as one message.
 */
#include "wire/scratch.h"

#include <string.h>

#include "base/memory.h"

int tdi_scratch_init(tdi_scratch *scratch, size_t size) {
    scratch->data = tdi_malloc(size);
    scratch->size = scratch->data ? size : 0;
    scratch->used = 0;
    return scratch->data ? 0 : -1;
}

void tdi_scratch_fini(tdi_scratch *scratch) {
    tdi_free(scratch->data);
    memset(scratch, 0, sizeof *scratch);
}

void *tdi_scratch_alloc(tdi_scratch *scratch, size_t count, size_t bytes) {
    size_t left = scratch->size - scratch->used;
    if (bytes && count > left / bytes)
        return NULL;
    size_t need = count * bytes;
    size_t padded = need + (-need & 15u);
    if (padded > left)
        return NULL;
    void *p = scratch->data + scratch->used;
    scratch->used += padded;
    memset(p, 0, need);
    return p;
}
