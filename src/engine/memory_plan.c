/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Greedy by size: the largest buffer first, each at the lowest offset that is free during its whole
 * life (Pisarchyk, Lee 2020, "Efficient Memory Management for Deep Neural Net Inference").
 */
#include "engine/memory_plan.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/status.h"

static int by_size(const void *a, const void *b) {
    const tdi_span *x = *(tdi_span *const *)a, *y = *(tdi_span *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    /* A fixed order among equals makes the plan the same everywhere. */
    return x < y ? -1 : x > y;
}

/* What a buffer takes: kernels may read past its end, and the next one is aligned. */
static size_t room(const tdi_span *span) {
    return (span->bytes + TDI_EXTRA_BYTES + TDI_ALIGNMENT - 1) / TDI_ALIGNMENT * TDI_ALIGNMENT;
}

static int alive_together(const tdi_span *a, const tdi_span *b) {
    return a->first <= b->last && b->first <= a->last;
}

/* Inserts `span` among `placed` spans, which are kept in order of offset. */
static void place(tdi_span *span, tdi_span **placed, size_t count) {
    size_t offset = 0, at = count;
    for (size_t i = 0; i < count; i++) {
        if (!alive_together(span, placed[i]))
            continue;
        if (placed[i]->offset >= offset && placed[i]->offset - offset >= room(span))
            break;
        size_t end = placed[i]->offset + room(placed[i]);
        if (end > offset)
            offset = end;
    }
    span->offset = offset;
    while (at > 0 && placed[at - 1]->offset > offset) {
        placed[at] = placed[at - 1];
        at--;
    }
    placed[at] = span;
}

td_status tdi_memory_plan(tdi_span *spans, size_t count, size_t *arena_bytes, td_error *err) {
    *arena_bytes = 0;
    if (count == 0)
        return TD_OK;
    td_status status = TD_OK;
    tdi_span **order = tdi_calloc(count, sizeof *order);
    tdi_span **placed = tdi_calloc(count, sizeof *placed);
    if (!order || !placed) {
        status = tdi_fail_memory(err);
        goto done;
    }
    size_t used = 0, total = 0, placed_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (spans[i].first > spans[i].last)
            continue;
        if (spans[i].bytes > SIZE_MAX / 4 || total > SIZE_MAX / 4) {
            status = tdi_fail(err, TD_LIMIT,
                              "the activations need more memory than can be addressed");
            goto done;
        }
        total += room(&spans[i]);
        order[used++] = &spans[i];
    }
    qsort(order, used, sizeof *order, by_size);
    for (; placed_count < used; placed_count++) {
        place(order[placed_count], placed, placed_count);
        size_t end = order[placed_count]->offset + room(order[placed_count]);
        if (end > *arena_bytes)
            *arena_bytes = end;
    }
done:
    tdi_free(order);
    tdi_free(placed);
    return status;
}
