/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device core: frames out, outcomes in, each with its terms. Says what to send and is told what
 * came; it has no sockets, no threads, no clock. Calls come from one thread, or under one lock.
 */
#ifndef TDI_DEVICE_CORE_H
#define TDI_DEVICE_CORE_H

#include <tandem/device.h>

#include "session/device_session.h"

typedef struct tdi_device_core tdi_device_core;

/* What the core tells. None of these may call back into the core. */
typedef struct tdi_device_driver {
    void (*open)(void *user);                          /* the server has answered Hello */
    void (*ready)(void *user, const tdi_ready *ready); /* the answer to tdi_device_core_switch() */
    /* The answer to tdi_device_core_read(); bytes are valid during the call. */
    void (*chunk)(void *user, const tdi_bundle_response *response, const uint8_t *bytes,
                  size_t size);
    void (*room)(void *user); /* the window may have room */
    /* A frame's outcome, once per frame. outcome->output is valid during the call. */
    void (*outcome)(void *user, const td_outcome *outcome);
    /* The connection is of no use any more; the outcomes of frames under way have been told. */
    void (*ended)(void *user, const td_error *error);
    void *user;
} tdi_device_driver;

/* A frame that has been computed here. */
typedef struct tdi_device_frame {
    uint64_t id, switch_id;
    const uint8_t *bytes;
    size_t size;
    const uint32_t *sizes;
    size_t size_count;
    td_time begun; /* when the picture was taken */
    td_duration ic, ec;
} tdi_device_frame;

/* Puts Hello into the outbox: the connection must have been made. */
td_status tdi_device_core_new(const tdi_device_session_settings *settings,
                              const tdi_device_driver *driver, td_time now, tdi_device_core **out,
                              td_error *err);
void tdi_device_core_free(tdi_device_core *core);

tdi_outbox *tdi_device_core_outbox(tdi_device_core *core);
void tdi_device_core_recv(tdi_device_core *core, const uint8_t *bytes, size_t size, td_time now);
void tdi_device_core_sent(tdi_device_core *core, size_t bytes, td_time now);
void tdi_device_core_lost(tdi_device_core *core, const char *reason, td_time now);
td_time tdi_device_core_expiry(const tdi_device_core *core);
void tdi_device_core_on_expiry(tdi_device_core *core, td_time now);

/* As the session's functions of the same purpose. */
td_status tdi_device_core_switch(tdi_device_core *core, tdi_switch *request, td_time now,
                                 td_error *err);
td_status tdi_device_core_read(tdi_device_core *core, tdi_bundle_request *request, td_time now,
                               td_error *err);
/* Whether `more` frames may be sent now. */
int tdi_device_core_room(const tdi_device_core *core, size_t more);
td_status tdi_device_core_frame(tdi_device_core *core, const tdi_device_frame *frame, td_time now,
                                td_error *err);

#endif
