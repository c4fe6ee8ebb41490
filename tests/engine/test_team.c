/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that is shared among the threads of a team.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "engine/team.h"

enum { CALLERS = 4, JOBS = 3000 };

typedef struct tally {
    atomic_int done[TDI_TEAM_MAX];
    int written[TDI_TEAM_MAX]; /* not atomic: the end of a job orders it */
    int parts, wrong;
} tally;

static void count(void *user, int part, int parts) {
    tally *t = user;
    if (parts != t->parts)
        t->wrong = 1;
    atomic_fetch_add(&t->done[part], 1);
    t->written[part]++;
}

static int run_jobs(int parts, int jobs) {
    static _Thread_local tally t;
    memset(&t, 0, sizeof t);
    t.parts = parts;
    for (int i = 1; i <= jobs; i++) {
        tdi_team_run(parts, count, &t);
        for (int part = 0; part < parts; part++)
            if (atomic_load(&t.done[part]) != i || t.written[part] != i)
                return -1;
    }
    return t.wrong ? -1 : 0;
}

static void every_part_of_every_job_is_done_once(void **state) {
    (void)state;
    for (int parts = 1; parts <= 5; parts++)
        assert_int_equal(run_jobs(parts, JOBS), 0);
    assert_int_equal(run_jobs(TDI_TEAM_MAX, 20), 0);
    assert_int_equal(run_jobs(2, JOBS), 0);
}

static void *caller(void *user) {
    *(int *)user = run_jobs(3, JOBS);
    return NULL;
}

static void threads_have_teams_of_their_own_that_end_with_them(void **state) {
    pthread_t threads[CALLERS];
    int results[CALLERS];
    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < CALLERS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, caller, &results[i]), 0);
        for (int i = 0; i < CALLERS; i++) {
            pthread_join(threads[i], NULL);
            assert_int_equal(results[i], 0);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_of_every_job_is_done_once),
        cmocka_unit_test(threads_have_teams_of_their_own_that_end_with_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
