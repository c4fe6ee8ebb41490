/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What both ends of a connection have in common.
 */
#include "session/link.h"

#include <string.h>

#include "base/status.h"

td_status tdi_link_init(tdi_link *link, tdi_space *space, uint32_t accepted, td_time now,
                        td_error *err) {
    memset(link, 0, sizeof *link);
    tdi_outbox_init(&link->outbox, space);
    link->heard = link->said = link->moved = now;
    accepted |= 1u << TDI_MESSAGE_PING | 1u << TDI_MESSAGE_PONG | 1u << TDI_MESSAGE_ERROR;
    return tdi_inbox_init(&link->inbox, space, accepted, err);
}

void tdi_link_fini(tdi_link *link) {
    tdi_inbox_fini(&link->inbox);
    tdi_outbox_fini(&link->outbox);
}

td_status tdi_link_put(tdi_link *link, const tdi_message *message, const void *payload,
                       size_t payload_bytes, td_time now, td_error *err) {
    if (link->ended)
        return tdi_fail(err, TD_CLOSED, "the connection is closed");
    int was_empty = link->outbox.bytes == 0;
    TD_TRY(tdi_outbox_put(&link->outbox, message, payload, payload_bytes, err));
    link->said = now;
    if (was_empty)
        link->moved = now;
    return TD_OK;
}

void tdi_link_sent(tdi_link *link, size_t bytes, td_time now) {
    tdi_outbox_sent(&link->outbox, bytes);
    if (bytes)
        link->moved = now;
}

td_status tdi_link_ping(tdi_link *link, int clean, td_time now, td_error *err) {
    tdi_message ping = {.type = TDI_MESSAGE_PING, .ping = {link->ping_id + 1}};
    TD_TRY(tdi_link_put(link, &ping, NULL, 0, now, err));
    link->ping_id++;
    link->ping_at = now;
    link->ping_waits = 1;
    link->ping_clean = clean;
    return TD_OK;
}

void tdi_link_round_trip(tdi_link *link, td_duration rtt, td_time now) {
    link->rtt = rtt > 0 ? rtt : 1;
    link->rtt_at = now;
    if (!link->rtt_min || link->rtt < link->rtt_min)
        link->rtt_min = link->rtt;
}

static td_status on_pong(tdi_link *link, uint64_t ping_id, td_time now, td_error *err) {
    if (ping_id == 0 || ping_id > link->ping_id)
        return tdi_fail(err, TD_PROTOCOL, "Pong: ping_id %llu was never sent",
                        (unsigned long long)ping_id);
    if (ping_id == link->ping_id && link->ping_waits) {
        link->ping_waits = 0;
        if (link->ping_clean)
            tdi_link_round_trip(link, now - link->ping_at, now);
    }
    return TD_OK;
}

td_status tdi_link_feed(tdi_link *link, const uint8_t **bytes, size_t *size, td_time now,
                        tdi_incoming *out, td_error *err) {
    if (*size)
        link->heard = now;
    for (;;) {
        TD_TRY(tdi_inbox_feed(&link->inbox, bytes, size, out, err));
        if (out->message.type == TDI_MESSAGE_PING) {
            tdi_message pong = {.type = TDI_MESSAGE_PONG, .ping = out->message.ping};
            TD_TRY(tdi_link_put(link, &pong, NULL, 0, now, err));
        } else if (out->message.type == TDI_MESSAGE_PONG) {
            TD_TRY(on_pong(link, out->message.ping.ping_id, now, err));
        } else {
            return TD_OK;
        }
    }
}

void tdi_link_end(tdi_link *link, td_status status, const char *reason, td_time now) {
    tdi_message error = {.type = TDI_MESSAGE_ERROR, .error = {status, reason}};
    if (link->ended)
        return;
    (void)tdi_link_put(link, &error, NULL, 0, now, NULL);
    link->ended = 1;
}
