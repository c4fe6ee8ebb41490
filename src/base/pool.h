/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A team of threads that works through numbered items.
 */
#ifndef TDI_BASE_POOL_H
#define TDI_BASE_POOL_H

#include <tandem/base.h>

/* Processors that this process may use, at least 1. */
int tdi_cpu_count(void);

/*
 * One item. `worker` is 0 .. threads-1 and is used by one thread only, so that it can index
 * per-thread state. A status other than TD_OK stops the team: items already begun end, no new one
 * begins.
 */
typedef td_status (*tdi_item_fn)(void *user, int worker, size_t item, td_error *err);

/*
 * Runs items 0 .. count-1 on `threads` threads and waits. Items are begun in order. Progress is
 * called from the calling thread, at most ten times a second and once at the end. Returns the
 * failure of the lowest failing item, with its error, or TD_CANCELLED.
 */
td_status tdi_pool_run(int threads, size_t count, tdi_item_fn item, void *user, const char *what,
                       td_progress_fn progress, void *progress_user, td_error *err);

#endif
