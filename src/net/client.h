/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device's connection: the device core on a loop thread of its own, with calls that block for any
 * other thread.
 */
#ifndef TDI_NET_CLIENT_H
#define TDI_NET_CLIENT_H

#include "device/core.h"

typedef struct tdi_client tdi_client;

typedef struct tdi_client_settings {
    const char *server; /* "host:port" */
    int window;
    td_duration silence;
} tdi_client_settings;

/* Connects and waits for the server's greeting. */
td_status tdi_client_open(const tdi_client_settings *settings, tdi_client **out, td_error *err);
/* Closes at once and waits for the thread. NULL is allowed. */
void tdi_client_close(tdi_client *client);

/* A range of a file of a bundle, as tdi_fetch_read_fn wants it. */
td_status tdi_client_read(tdi_client *client, const char *model, const char *path, uint64_t offset,
                          uint32_t length, uint8_t *out, size_t *got, uint64_t *total,
                          td_error *err);

/* Has the server open the tail; `request->switch_id` is filled in. */
td_status tdi_client_switch(tdi_client *client, tdi_switch *request, td_error *err);

/*
 * Waits until a frame may be sent, and keeps the place for it until tdi_client_frame() or
 * tdi_client_release(). One place at a time.
 */
td_status tdi_client_reserve(tdi_client *client, td_error *err);
void tdi_client_release(tdi_client *client);
/* Sends a frame; its bytes are copied. */
td_status tdi_client_frame(tdi_client *client, const tdi_device_frame *frame, td_error *err);

/* The next outcome, as td_device_next(). */
td_status tdi_client_next(tdi_client *client, td_outcome *out, td_error *err);

#endif
