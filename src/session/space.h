/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory that all sessions of one thread share: decoded messages live in it until the next one,
 * outgoing ones are put together in it.
 */
#ifndef TDI_SESSION_SPACE_H
#define TDI_SESSION_SPACE_H

#include "session/blocks.h"
#include "wire/message.h"

typedef struct tdi_space {
    tdi_blocks blocks;
    tdi_scratch scratch;
    uint8_t *staging; /* TDI_MESSAGE_BYTES_MAX */
} tdi_space;

/* Payloads are held up to `payload_bytes_max` in all; unused blocks are kept up to
 * `idle_bytes_max`. */
td_status tdi_space_init(tdi_space *space, size_t payload_bytes_max, size_t idle_bytes_max,
                         td_error *err);
/* Also of a space that was not initialized whole. */
void tdi_space_fini(tdi_space *space);

#endif
