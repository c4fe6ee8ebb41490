/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Teams of the calling threads, and OpenMP's environment.
 *
 * A job is announced in one word: its number, and a bit for each part that nobody has taken. Who
 * takes a bit away may read what the job is, since it cannot end, and so not be replaced, before
 * that part is done.
 */
#include "engine/team.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <strings.h>

#include "base/clock.h"
#include "base/status.h"

enum {
    /* Looks before a thread sleeps: longer than the pauses between two layers, and shorter by far
     * than a time slice. After the first ones others may run in between. */
    SPINS = 4000,
    YIELDS = 40,
    /* The same while the caller is at work: another job is likely to follow. A member that sleeps
     * whenever a job takes longer wakes too late for the next one, each time. */
    YIELDS_AT_WORK = 2000,
    /* Jobs that the caller does alone after it had to wait for a member that was not running; twice
     * as many each time. */
    ALONE_MIN = 8,
    ALONE_MAX = 4096
};

/* A member that began as late as it could needs as long as the caller's own parts took; a wait of
 * twice that, and this, says that it was stopped. */
#define LATE TD_US(200)

typedef struct team team;

typedef struct member {
    team *team;
    int index;
    pthread_t thread;
} member;

struct team {
    _Atomic uint64_t job; /* number << 32 | parts that are free */
    atomic_int unfinished, asleep, caller_asleep, closing;
    tdi_team_fn work;
    void *user;
    int parts;
    pthread_mutex_t lock;
    pthread_cond_t wake, done;
    int alone, penalty; /* jobs that the caller is to do alone: left, and next time */
    int size;           /* members, the caller included; 0: not set up */
    member members[TDI_TEAM_MAX];
};

static _Thread_local team own;
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static uint32_t number_of(uint64_t job) {
    return (uint32_t)(job >> 32);
}

/* A part of the job that is there now, preferably `wish`; -1: there is none. */
static int take_part(team *t, int wish) {
    uint64_t job = atomic_load_explicit(&t->job, memory_order_acquire);
    while ((uint32_t)job != 0) {
        int part = wish;
        if (!(job >> part & 1))
            for (part = 0; !(job >> part & 1);)
                part++;
        if (atomic_compare_exchange_weak_explicit(&t->job, &job, job & ~((uint64_t)1 << part),
                                                  memory_order_acq_rel, memory_order_acquire))
            return part;
    }
    return -1;
}

static void do_parts(team *t, int wish) {
    for (int part; (part = take_part(t, wish)) >= 0;) {
        t->work(t->user, part, t->parts);
        if (atomic_fetch_sub(&t->unfinished, 1) == 1 && atomic_load(&t->caller_asleep)) {
            pthread_mutex_lock(&t->lock);
            pthread_cond_signal(&t->done);
            pthread_mutex_unlock(&t->lock);
        }
    }
}

/* Waits for another job than number `seen`. */
static uint32_t next_job(team *t, uint32_t seen) {
    int at_work = 0;
    for (int i = 0; i < SPINS + YIELDS; i++) {
        uint32_t number = number_of(atomic_load_explicit(&t->job, memory_order_acquire));
        if (number != seen)
            return number;
        if (i < SPINS) {
            relax();
            continue;
        }
        sched_yield();
        if (atomic_load_explicit(&t->unfinished, memory_order_relaxed) > 0 &&
            at_work++ < YIELDS_AT_WORK)
            i = SPINS;
    }
    uint32_t number;
    pthread_mutex_lock(&t->lock);
    atomic_fetch_add(&t->asleep, 1);
    while ((number = number_of(atomic_load(&t->job))) == seen)
        pthread_cond_wait(&t->wake, &t->lock);
    atomic_fetch_sub(&t->asleep, 1);
    pthread_mutex_unlock(&t->lock);
    return number;
}

static void *member_main(void *user) {
    member *m = user;
    for (uint32_t number = 0;;) {
        number = next_job(m->team, number);
        if (atomic_load(&m->team->closing))
            return NULL;
        do_parts(m->team, m->index);
    }
}

/* Both sides are sequentially consistent: either a member that goes to sleep sees the new job, or
 * it is seen sleeping. */
static void announce(team *t, uint32_t free_parts) {
    uint64_t job = atomic_load_explicit(&t->job, memory_order_relaxed);
    atomic_store(&t->job, (uint64_t)(number_of(job) + 1) << 32 | free_parts);
    if (atomic_load(&t->asleep) == 0)
        return;
    pthread_mutex_lock(&t->lock);
    pthread_cond_broadcast(&t->wake);
    pthread_mutex_unlock(&t->lock);
}

static void close_team(void *user) {
    team *t = user;
    atomic_store(&t->closing, 1);
    announce(t, 0);
    for (int i = 1; i < t->size; i++)
        pthread_join(t->members[i].thread, NULL);
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->wake);
    pthread_cond_destroy(&t->done);
    t->size = 0;
}

static void make_key(void) {
    (void)pthread_key_create(&key, close_team);
}

/* Without a thread for every part, the others do more. */
static void grow(team *t, int parts) {
    if (t->size == 0) {
        pthread_once(&once, make_key);
        pthread_mutex_init(&t->lock, NULL);
        pthread_cond_init(&t->wake, NULL);
        pthread_cond_init(&t->done, NULL);
        t->penalty = ALONE_MIN;
        /* Ends the members with the thread whose team it is. */
        if (pthread_setspecific(key, t) != 0)
            return;
        t->size = 1;
    }
    for (; t->size < parts; t->size++) {
        member *m = &t->members[t->size];
        m->team = t;
        m->index = t->size;
        if (pthread_create(&m->thread, NULL, member_main, m) != 0)
            return;
    }
}

static int is_done(team *t) {
    return atomic_load_explicit(&t->unfinished, memory_order_acquire) == 0;
}

static void sleep_until_done(team *t) {
    for (int i = 0; i < YIELDS; i++) {
        if (is_done(t))
            return;
        sched_yield();
    }
    pthread_mutex_lock(&t->lock);
    atomic_store(&t->caller_asleep, 1);
    while (atomic_load(&t->unfinished) > 0)
        pthread_cond_wait(&t->done, &t->lock);
    atomic_store(&t->caller_asleep, 0);
    pthread_mutex_unlock(&t->lock);
}

/* Where others use the processors, a member may be stopped in the middle of its part: the next jobs
 * are better done alone. */
static void await_members(team *t, td_time announced) {
    td_time begin = tdi_now();
    for (int i = 0; i < SPINS; i++) {
        if (is_done(t)) {
            t->penalty -= (t->penalty - ALONE_MIN + 7) / 8;
            return;
        }
        relax();
    }
    sleep_until_done(t);
    if (tdi_now() - begin < 2 * (begin - announced) + LATE)
        return;
    t->alone = t->penalty;
    t->penalty = t->penalty < ALONE_MAX / 2 ? 2 * t->penalty : ALONE_MAX;
}

void tdi_team_run(int parts, tdi_team_fn work, void *user) {
    team *t = &own;
    if (parts == 1 || t->alone > 0) {
        for (int part = 0; part < parts; part++)
            work(user, part, parts);
        if (parts > 1)
            t->alone--;
        return;
    }
    if (t->size < parts)
        grow(t, parts);
    t->work = work;
    t->user = user;
    t->parts = parts;
    atomic_store_explicit(&t->unfinished, parts, memory_order_relaxed);
    td_time announced = tdi_now();
    announce(t, (uint32_t)(((uint64_t)1 << parts) - 1));
    do_parts(t, 0);
    await_members(t, announced);
}

/* From libgomp; <omp.h> comes with the compiler and is not there for every one. */
void omp_set_num_threads(int threads);
int omp_get_max_threads(void);

void tdi_team_set_size(int threads) {
    if (omp_get_max_threads() != threads)
        omp_set_num_threads(threads);
}

td_status td_environment_check(td_error *err) {
    const char *policy = getenv("OMP_WAIT_POLICY");
    if (getenv("GOMP_SPINCOUNT") || (policy && strcasecmp(policy, "passive") == 0))
        return TD_OK;
    return tdi_fail(
        err, TD_MISMATCH,
        "idle OpenMP threads would spin and starve others; set GOMP_SPINCOUNT=1000 in the "
        "environment before the program starts");
}
