/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reference counts shared by threads.
 */
#ifndef TDI_BASE_ATOMIC_H
#define TDI_BASE_ATOMIC_H

#include <stdatomic.h>

typedef atomic_int tdi_refcount;

static inline void tdi_refcount_take(tdi_refcount *count) {
    atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
}

/* Returns what is left; 0 means that the caller held the last reference and sees all that others
 * wrote. */
static inline int tdi_refcount_drop(tdi_refcount *count) {
    return atomic_fetch_sub_explicit(count, 1, memory_order_acq_rel) - 1;
}

#endif
