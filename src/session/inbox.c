/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Incoming bytes to whole messages.
 */
#include "session/inbox.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"

td_status tdi_inbox_init(tdi_inbox *inbox, tdi_space *space, uint32_t accepted, td_error *err) {
    uint32_t control_max = 0;
    memset(inbox, 0, sizeof *inbox);
    inbox->space = space;
    inbox->accepted = accepted;
    for (uint32_t type = 1; type < TDI_MESSAGE_END; type++)
        if ((accepted >> type & 1) && tdi_message_control_max(type) > control_max)
            control_max = tdi_message_control_max(type);
    inbox->control = tdi_malloc(control_max);
    return inbox->control ? TD_OK : tdi_fail_memory(err);
}

void tdi_inbox_fini(tdi_inbox *inbox) {
    if (inbox->space)
        tdi_blocks_give(&inbox->space->blocks, inbox->payload);
    tdi_free(inbox->control);
    memset(inbox, 0, sizeof *inbox);
}

/* Moves up to `want` bytes behind to[*at]; `to` NULL skips them. Whether *at has reached `want`. */
static int take(const uint8_t **bytes, size_t *size, uint8_t *to, size_t *at, size_t want) {
    size_t n = want - *at < *size ? want - *at : *size;
    if (to && n)
        memcpy(to + *at, *bytes, n);
    *at += n;
    *bytes += n;
    *size -= n;
    return *at == want;
}

static td_status read_header(tdi_inbox *inbox, td_error *err) {
    tdi_header *h = &inbox->header;
    TD_TRY(tdi_header_decode(inbox->head, h, err));
    if (!(inbox->accepted >> h->type & 1))
        return tdi_fail(err, TD_PROTOCOL, "%s is not expected here", tdi_message_name(h->type));
    if (h->payload_bytes > inbox->payload_max)
        return tdi_fail_at(err, TD_LIMIT, 8, "%s: a payload of %u bytes, at most %u are expected",
                           tdi_message_name(h->type), h->payload_bytes, inbox->payload_max);
    return TD_OK;
}

static void begin_payload(tdi_inbox *inbox) {
    tdi_blocks *blocks = &inbox->space->blocks;
    size_t bytes = inbox->header.payload_bytes;
    inbox->in_payload = 1;
    if (bytes && tdi_blocks_room(blocks, bytes))
        inbox->payload = tdi_blocks_take(blocks, bytes);
}

static void end_message(tdi_inbox *inbox, tdi_incoming *out) {
    out->payload_bytes = inbox->header.payload_bytes;
    out->payload = inbox->payload;
    inbox->payload = NULL;
    inbox->in_payload = 0;
    inbox->head_at = inbox->control_at = inbox->payload_at = 0;
}

td_status tdi_inbox_feed(tdi_inbox *inbox, const uint8_t **bytes, size_t *size, tdi_incoming *out,
                         td_error *err) {
    const tdi_header *h = &inbox->header;
    int resumed = inbox->in_payload;
    if (inbox->head_at < TDI_HEADER_BYTES) {
        if (!*size || !take(bytes, size, inbox->head, &inbox->head_at, TDI_HEADER_BYTES))
            return TD_AGAIN;
        TD_TRY(read_header(inbox, err));
    }
    if (!resumed) {
        if (!take(bytes, size, inbox->control, &inbox->control_at, h->control_bytes))
            return TD_AGAIN;
        TD_TRY(tdi_message_decode(h, inbox->control, &inbox->space->scratch, &out->message, err));
        begin_payload(inbox);
    }
    if (!take(bytes, size, inbox->payload ? inbox->payload->data : NULL, &inbox->payload_at,
              h->payload_bytes))
        return TD_AGAIN;
    /* The scratch may have been used by others since the control part came: decode it again. */
    if (resumed)
        TD_TRY(tdi_message_decode(h, inbox->control, &inbox->space->scratch, &out->message, err));
    end_message(inbox, out);
    return TD_OK;
}
