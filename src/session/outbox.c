/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outgoing messages until the transport has taken them.
 */
#include "session/outbox.h"

#include <assert.h>
#include <string.h>

#include "base/status.h"

void tdi_outbox_init(tdi_outbox *outbox, tdi_space *space) {
    memset(outbox, 0, sizeof *outbox);
    outbox->space = space;
}

void tdi_outbox_fini(tdi_outbox *outbox) {
    while (outbox->head) {
        tdi_block *block = outbox->head;
        outbox->head = block->next;
        tdi_blocks_give(&outbox->space->blocks, block);
    }
    memset(outbox, 0, sizeof *outbox);
}

td_status tdi_outbox_put(tdi_outbox *outbox, const tdi_message *message, const void *payload,
                         size_t payload_bytes, td_error *err) {
    tdi_space *space = outbox->space;
    size_t size;
    TD_TRY(tdi_message_encode(message, payload_bytes, &space->scratch, space->staging,
                              TDI_MESSAGE_BYTES_MAX, &size, err));
    tdi_block *block = tdi_blocks_take(&space->blocks, size + payload_bytes);
    if (!block)
        return tdi_fail_memory(err);
    memcpy(block->data, space->staging, size);
    if (payload_bytes)
        memcpy(block->data + size, payload, payload_bytes);
    if (outbox->tail)
        outbox->tail->next = block;
    else
        outbox->head = block;
    outbox->tail = block;
    outbox->bytes += block->size;
    return TD_OK;
}

size_t tdi_outbox_spans(const tdi_outbox *outbox, tdi_span *out, size_t max) {
    size_t count = 0, skip = outbox->head_at;
    for (const tdi_block *block = outbox->head; block && count < max; block = block->next) {
        out[count].data = block->data + skip;
        out[count++].size = block->size - skip;
        skip = 0;
    }
    return count;
}

void tdi_outbox_sent(tdi_outbox *outbox, size_t bytes) {
    assert(bytes <= outbox->bytes);
    outbox->bytes -= bytes;
    outbox->head_at += bytes;
    while (outbox->head && outbox->head_at >= outbox->head->size) {
        tdi_block *block = outbox->head;
        outbox->head_at -= block->size;
        outbox->head = block->next;
        if (!outbox->head)
            outbox->tail = NULL;
        tdi_blocks_give(&outbox->space->blocks, block);
    }
}
