/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outgoing messages, as bytes in order, until the transport has taken them.
 */
#ifndef TDI_SESSION_OUTBOX_H
#define TDI_SESSION_OUTBOX_H

#include "session/space.h"

typedef struct tdi_outbox {
    tdi_space *space;
    tdi_block *head, *tail;
    size_t head_at; /* bytes of the head block that are gone */
    size_t bytes;   /* waiting in all */
} tdi_outbox;

typedef struct tdi_span {
    const uint8_t *data;
    size_t size;
} tdi_span;

void tdi_outbox_init(tdi_outbox *outbox, tdi_space *space);
void tdi_outbox_fini(tdi_outbox *outbox);

/* Appends a message; its payload is copied. On failure nothing is appended. */
td_status tdi_outbox_put(tdi_outbox *outbox, const tdi_message *message, const void *payload,
                         size_t payload_bytes, td_error *err);

/* The first bytes that wait, as up to `max` spans; valid until tdi_outbox_sent(). Returns how many
 * spans. */
size_t tdi_outbox_spans(const tdi_outbox *outbox, tdi_span *out, size_t max);
/* The transport has taken the first `bytes` of them. */
void tdi_outbox_sent(tdi_outbox *outbox, size_t bytes);

#endif
