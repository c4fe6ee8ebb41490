/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What both ends of a connection have in common: messages in and out, when the other end was last
 * heard, pings and round trips, and how a connection ends. Knows no roles.
 */
#ifndef TDI_SESSION_LINK_H
#define TDI_SESSION_LINK_H

#include "session/inbox.h"
#include "session/outbox.h"

#define TDI_NEVER INT64_MAX

/* What this end calls itself in its greeting. */
#define TDI_TEXT_OF(x) #x
#define TDI_VERSION_OF(major, minor, patch)                                                        \
    TDI_TEXT_OF(major) "." TDI_TEXT_OF(minor) "." TDI_TEXT_OF(patch)
#define TDI_SOFTWARE "tandem " TDI_VERSION_OF(TD_VERSION_MAJOR, TD_VERSION_MINOR, TD_VERSION_PATCH)

typedef struct tdi_link {
    tdi_inbox inbox;
    tdi_outbox outbox;
    td_time heard;    /* when bytes last came in */
    td_time said;     /* when a message was last put into the outbox */
    td_time moved;    /* when the transport last took bytes, or the outbox got its first */
    int ended;        /* nothing more goes in, and nothing out but what the outbox has */
    uint64_t ping_id; /* of the newest ping */
    td_time ping_at;
    int ping_waits; /* the newest ping has no answer yet */
    int ping_clean; /* nothing was under way upward when it was sent: its round trip is that of an
                       empty message */
    td_duration rtt, rtt_min; /* last and least; 0: none yet */
    td_time rtt_at;
} tdi_link;

td_status tdi_link_init(tdi_link *link, tdi_space *space, uint32_t accepted, td_time now,
                        td_error *err);
void tdi_link_fini(tdi_link *link);

td_status tdi_link_put(tdi_link *link, const tdi_message *message, const void *payload,
                       size_t payload_bytes, td_time now, td_error *err);
/* The transport has taken `bytes` of the outbox. */
void tdi_link_sent(tdi_link *link, size_t bytes, td_time now);

/*
 * As tdi_inbox_feed(), but pings are answered and pongs noted on the way; what comes out is
 * neither.
 */
td_status tdi_link_feed(tdi_link *link, const uint8_t **bytes, size_t *size, td_time now,
                        tdi_incoming *out, td_error *err);

td_status tdi_link_ping(tdi_link *link, int clean, td_time now, td_error *err);
/* Notes a measured round trip. */
void tdi_link_round_trip(tdi_link *link, td_duration rtt, td_time now);

/* Ends the connection from this side with an Error message, as far as memory allows. */
void tdi_link_end(tdi_link *link, td_status status, const char *reason, td_time now);

#endif
