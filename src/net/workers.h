/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that compute for a libuv loop. A worker has a queue of its own and does no network I/O;
 * what it has done is handed back on the loop's thread.
 */
#ifndef TDI_NET_WORKERS_H
#define TDI_NET_WORKERS_H

#include <uv.h>

#include <tandem/base.h>

typedef struct tdi_workers tdi_workers;

typedef struct tdi_workers_calls {
    void (*run)(void *user, void *task);  /* on a worker */
    void (*done)(void *user, void *task); /* on the loop's thread */
    void *user;
} tdi_workers_calls;

/* Each worker holds at most `depth` tasks that are not handed back. */
td_status tdi_workers_start(uv_loop_t *loop, int count, size_t depth,
                            const tdi_workers_calls *calls, tdi_workers **out, td_error *err);
/* Hands a task to a worker; never blocks. The caller keeps to `depth`. */
void tdi_workers_post(tdi_workers *workers, int worker, void *task);
/*
 * Waits for the threads to end; every task must have been handed back. The memory is freed by the
 * loop, which must run until it has no handles left.
 */
void tdi_workers_stop(tdi_workers *workers);

#endif
