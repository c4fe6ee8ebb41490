/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libgomp's teams, and its environment.
 */
#include "engine/team.h"

#include <stdlib.h>
#include <strings.h>

#include "base/status.h"

/* From libgomp; <omp.h> comes with the compiler and is not there for every one. The second half is
 * what compilers call for `parallel` and `barrier` (libgomp manual, "The libgomp ABI"). */
void omp_set_num_threads(int threads);
int omp_get_max_threads(void);
int omp_get_thread_num(void);
int omp_get_num_threads(void);
void GOMP_parallel(void (*fn)(void *), void *data, unsigned threads, unsigned flags);
void GOMP_barrier(void);

typedef struct call {
    tdi_team_fn work;
    void *user;
} call;

void tdi_team_set_size(int threads) {
    if (omp_get_max_threads() != threads)
        omp_set_num_threads(threads);
}

/* Not static: a name by which tools find the work of a team. */
void tdi_team_enter(void *data);
void tdi_team_enter(void *data) {
    const call *c = data;
    c->work(c->user, omp_get_thread_num(), omp_get_num_threads());
}

void tdi_team_run(int threads, tdi_team_fn work, void *user) {
    call c = {work, user};
    if (threads == 1)
        work(user, 0, 1);
    else
        GOMP_parallel(tdi_team_enter, &c, (unsigned)threads, 0);
}

void tdi_team_wait(int parts) {
    if (parts > 1)
        GOMP_barrier();
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
