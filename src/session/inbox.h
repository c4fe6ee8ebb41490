/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Incoming bytes, in pieces of any size, to whole messages. Lengths are checked before memory is
 * given to them, and a control part before the payload behind it is taken in.
 */
#ifndef TDI_SESSION_INBOX_H
#define TDI_SESSION_INBOX_H

#include "session/space.h"

typedef struct tdi_inbox {
    tdi_space *space;
    uint32_t accepted;    /* bit t: messages of type t may come */
    uint32_t payload_max; /* on top of each type's own limit */
    uint8_t head[TDI_HEADER_BYTES];
    size_t head_at;
    tdi_header header; /* once head is full */
    uint8_t *control;
    size_t control_at;
    int in_payload;
    tdi_block *payload; /* NULL: none, or there was no room and it is skipped */
    size_t payload_at;
} tdi_inbox;

typedef struct tdi_incoming {
    tdi_message message; /* lives in the space's scratch */
    size_t payload_bytes;
    tdi_block
        *payload; /* belongs to the receiver; NULL where payload_bytes is 0 or there was no room */
} tdi_incoming;

/* `accepted` as above. */
td_status tdi_inbox_init(tdi_inbox *inbox, tdi_space *space, uint32_t accepted, td_error *err);
void tdi_inbox_fini(tdi_inbox *inbox);

/*
 * Takes bytes from *bytes, moving it on, until a message is whole (TD_OK), all are used up
 * (TD_AGAIN), or they break a rule (any other status); nothing may be fed after that.
 */
td_status tdi_inbox_feed(tdi_inbox *inbox, const uint8_t **bytes, size_t *size, tdi_incoming *out,
                         td_error *err);

/* Whether a message has begun and not ended. */
static inline int tdi_inbox_is_amid(const tdi_inbox *inbox) {
    return inbox->head_at > 0;
}

#endif
