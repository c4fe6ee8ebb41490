/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that compute for a libuv loop.
 */
#include "net/workers.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "net/signals.h"

/* A ring of fixed size. */
typedef struct ring {
    void **tasks;
    size_t capacity, first, count;
} ring;

static void ring_push(ring *r, void *task) {
    assert(r->count < r->capacity);
    r->tasks[(r->first + r->count++) % r->capacity] = task;
}

static void *ring_pop(ring *r) {
    void *task = r->tasks[r->first];
    r->first = (r->first + 1) % r->capacity;
    r->count--;
    return task;
}

typedef struct worker {
    tdi_workers *all;
    uv_thread_t thread;
    uv_mutex_t lock;
    uv_cond_t wake;
    ring todo;
    int stopping;
    int started, has_lock, has_wake; /* how far it was built */
} worker;

struct tdi_workers {
    tdi_workers_calls calls;
    uv_async_t finished;
    uv_mutex_t lock; /* guards `done` */
    ring done;
    worker *list;
    int count;
    int has_lock;
};

static void work(void *arg) {
    worker *w = arg;
    tdi_workers *all = w->all;
    tdi_signals_block();
    for (;;) {
        uv_mutex_lock(&w->lock);
        while (!w->todo.count && !w->stopping)
            uv_cond_wait(&w->wake, &w->lock);
        if (!w->todo.count) {
            uv_mutex_unlock(&w->lock);
            return;
        }
        void *task = ring_pop(&w->todo);
        uv_mutex_unlock(&w->lock);
        all->calls.run(all->calls.user, task);
        uv_mutex_lock(&all->lock);
        ring_push(&all->done, task);
        uv_mutex_unlock(&all->lock);
        uv_async_send(&all->finished);
    }
}

static void hand_back(uv_async_t *async) {
    tdi_workers *all = async->data;
    for (;;) {
        void *task = NULL;
        uv_mutex_lock(&all->lock);
        if (all->done.count)
            task = ring_pop(&all->done);
        uv_mutex_unlock(&all->lock);
        if (!task)
            return;
        all->calls.done(all->calls.user, task);
    }
}

static void free_workers(tdi_workers *all) {
    for (int i = 0; all->list && i < all->count; i++) {
        worker *w = &all->list[i];
        if (w->has_wake)
            uv_cond_destroy(&w->wake);
        if (w->has_lock)
            uv_mutex_destroy(&w->lock);
        tdi_free(w->todo.tasks);
    }
    if (all->has_lock)
        uv_mutex_destroy(&all->lock);
    tdi_free(all->list);
    tdi_free(all->done.tasks);
    tdi_free(all);
}

static void on_closed(uv_handle_t *handle) {
    free_workers(handle->data);
}

static int ring_init(ring *r, size_t capacity) {
    r->capacity = capacity;
    r->tasks = tdi_calloc(capacity, sizeof(void *));
    return r->tasks ? 0 : -1;
}

static int start_worker(worker *w, tdi_workers *all, size_t depth) {
    w->all = all;
    if (ring_init(&w->todo, depth))
        return -1;
    w->has_lock = uv_mutex_init(&w->lock) == 0;
    w->has_wake = uv_cond_init(&w->wake) == 0;
    if (!w->has_lock || !w->has_wake)
        return -1;
    w->started = uv_thread_create(&w->thread, work, w) == 0;
    return w->started ? 0 : -1;
}

td_status tdi_workers_start(uv_loop_t *loop, int count, size_t depth,
                            const tdi_workers_calls *calls, tdi_workers **out, td_error *err) {
    tdi_workers *all = tdi_calloc(1, sizeof *all);
    if (!all)
        return tdi_fail_memory(err);
    all->calls = *calls;
    all->count = count;
    all->list = tdi_calloc((size_t)count, sizeof *all->list);
    all->has_lock = uv_mutex_init(&all->lock) == 0;
    if (!all->list || !all->has_lock || ring_init(&all->done, (size_t)count * depth) ||
        uv_async_init(loop, &all->finished, hand_back)) {
        free_workers(all);
        return tdi_fail_memory(err);
    }
    all->finished.data = all;
    for (int i = 0; i < count; i++)
        if (start_worker(&all->list[i], all, depth)) {
            tdi_workers_stop(all);
            return tdi_fail(err, TD_MEMORY, "worker %d of %d could not be started", i + 1, count);
        }
    *out = all;
    return TD_OK;
}

void tdi_workers_post(tdi_workers *workers, int index, void *task) {
    worker *w = &workers->list[index];
    uv_mutex_lock(&w->lock);
    ring_push(&w->todo, task);
    uv_cond_signal(&w->wake);
    uv_mutex_unlock(&w->lock);
}

void tdi_workers_stop(tdi_workers *workers) {
    for (int i = 0; i < workers->count; i++) {
        worker *w = &workers->list[i];
        if (!w->started)
            continue;
        uv_mutex_lock(&w->lock);
        w->stopping = 1;
        uv_cond_signal(&w->wake);
        uv_mutex_unlock(&w->lock);
        uv_thread_join(&w->thread);
    }
    uv_close((uv_handle_t *)&workers->finished, on_closed);
}
