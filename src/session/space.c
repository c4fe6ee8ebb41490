/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory that all sessions of one thread share.
 */
#include "session/space.h"

#include "base/memory.h"
#include "base/status.h"

td_status tdi_space_init(tdi_space *space, size_t payload_bytes_max, size_t idle_bytes_max,
                         td_error *err) {
    tdi_blocks_init(&space->blocks, payload_bytes_max, idle_bytes_max);
    space->staging = tdi_malloc(TDI_MESSAGE_BYTES_MAX);
    if (tdi_scratch_init(&space->scratch, TDI_SCRATCH_BYTES) || !space->staging) {
        tdi_space_fini(space);
        return tdi_fail_memory(err);
    }
    return TD_OK;
}

void tdi_space_fini(tdi_space *space) {
    tdi_blocks_fini(&space->blocks);
    tdi_scratch_fini(&space->scratch);
    tdi_free(space->staging);
    space->staging = NULL;
}
