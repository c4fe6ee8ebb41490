/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "host:port" to addresses, and addresses to text.
 */
#ifndef TDI_NET_ADDRESS_H
#define TDI_NET_ADDRESS_H

#include <sys/socket.h>

#include <tandem/base.h>

#define TDI_ADDRESS_TEXT_BYTES 80
#define TDI_ADDRESSES_MAX      8

typedef struct tdi_address {
    struct sockaddr_storage storage;
} tdi_address;

/*
 * Parses "host:port", "host" (then TD_DEFAULT_PORT), "[v6]:port", and looks the host up; blocks
 * while doing so. Writes up to TDI_ADDRESSES_MAX addresses. TD_ARGUMENT for what is no address,
 * TD_NOT_FOUND for a host that is not known.
 */
td_status tdi_address_resolve(const char *text, tdi_address *out, size_t *count, td_error *err);

/* "127.0.0.1:7433" */
void tdi_address_format(const tdi_address *address, char out[TDI_ADDRESS_TEXT_BYTES]);
int tdi_address_port(const tdi_address *address);
int tdi_address_is_loopback(const tdi_address *address);

#endif
