/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OpenMP runtime below oneDNN: team sizes, and its environment.
 */
#include <stdlib.h>
#include <strings.h>

#include "base/status.h"
#include "engine/onednn/onednn.h"

/* From libgomp; <omp.h> comes with the compiler and is not there for every one. */
void omp_set_num_threads(int threads);
int omp_get_max_threads(void);

void tdi_onednn_set_threads(int threads) {
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
