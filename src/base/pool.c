/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The team of threads: workers take the next item under one lock, the caller watches and reports
 * progress.
 */
#include "base/pool.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/status.h"

#define PROGRESS_INTERVAL TD_MS(100)

typedef struct team {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    tdi_item_fn item;
    void *user;
    size_t next, done, count;
    int running; /* workers that have not ended */
    int stop;
    size_t failed_item;
    td_status status;
    td_error error;
} team;

typedef struct member {
    team *team;
    int worker;
    pthread_t thread;
} member;

int tdi_cpu_count(void) {
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : (int)n;
}

static void work(team *t, int worker) {
    pthread_mutex_lock(&t->lock);
    while (!t->stop && t->next < t->count) {
        size_t item = t->next++;
        pthread_mutex_unlock(&t->lock);
        td_error error;
        memset(&error, 0, sizeof error);
        td_status status = t->item(t->user, worker, item, &error);
        pthread_mutex_lock(&t->lock);
        t->done++;
        if (status && (!t->status || item < t->failed_item)) {
            t->status = status;
            t->failed_item = item;
            t->error = error;
        }
        if (status)
            t->stop = 1;
    }
    t->running--;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

static void *work_thread(void *arg) {
    member *m = arg;
    work(m->team, m->worker);
    return NULL;
}

/* Waits until the team has ended, reporting now and then. Called with the lock held. */
static void watch(team *t, const char *what, td_progress_fn progress, void *progress_user) {
    while (t->running) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += (long)PROGRESS_INTERVAL;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        int waited = pthread_cond_timedwait(&t->changed, &t->lock, &until);
        if (waited != ETIMEDOUT || !progress || t->stop)
            continue;
        size_t done = t->done;
        pthread_mutex_unlock(&t->lock);
        int cancel = progress(what, done, t->count, progress_user);
        pthread_mutex_lock(&t->lock);
        if (cancel && !t->status) {
            t->stop = 1;
            t->status = TD_CANCELLED;
            t->failed_item = t->count;
            tdi_fail(&t->error, TD_CANCELLED, "cancelled after %zu of %zu %s", done, t->count,
                     what);
        }
    }
}

td_status tdi_pool_run(int threads, size_t count, tdi_item_fn item, void *user, const char *what,
                       td_progress_fn progress, void *progress_user, td_error *err) {
    team t;
    memset(&t, 0, sizeof t);
    t.item = item;
    t.user = user;
    t.count = count;
    if ((size_t)threads > count)
        threads = count ? (int)count : 1;
    member *members = tdi_calloc((size_t)threads, sizeof *members);
    if (!members)
        return tdi_fail_memory(err);
    pthread_mutex_init(&t.lock, NULL);
    pthread_cond_init(&t.changed, NULL);
    pthread_mutex_lock(&t.lock);
    int started = 0;
    while (started < threads) {
        members[started].team = &t;
        members[started].worker = started;
        if (pthread_create(&members[started].thread, NULL, work_thread, &members[started]))
            break;
        started++;
        t.running++;
    }
    if (started)
        watch(&t, what, progress, progress_user);
    else
        t.status = tdi_fail(&t.error, TD_MEMORY, "cannot start a thread");
    pthread_mutex_unlock(&t.lock);
    for (int i = 0; i < started; i++)
        pthread_join(members[i].thread, NULL);
    pthread_cond_destroy(&t.changed);
    pthread_mutex_destroy(&t.lock);
    tdi_free(members);
    if (t.status && err)
        *err = t.error;
    if (!t.status && progress && progress(what, count, count, progress_user))
        return tdi_fail(err, TD_CANCELLED, "cancelled after all %zu %s", count, what);
    return t.status;
}
