/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clocks of POSIX.
 */
#include "base/clock.h"

#include <time.h>

td_time tdi_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return TD_S(t.tv_sec) + t.tv_nsec;
}

td_duration tdi_thread_time(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return TD_S(t.tv_sec) + t.tv_nsec;
}
