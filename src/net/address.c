/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "host:port" to addresses, and addresses to text.
 */
#include "net/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <tandem/server.h>

#include "base/status.h"
#include "base/text.h"

#define HOST_BYTES 256

/* Splits at the last colon outside brackets. 0, or -1. */
static int split(const char *text, char host[HOST_BYTES], int64_t *port) {
    const char *begin = text, *end, *colon;
    if (*text == '[') {
        begin = text + 1;
        end = strchr(begin, ']');
        if (!end || (end[1] && end[1] != ':'))
            return -1;
        colon = end[1] ? end + 1 : NULL;
    } else {
        colon = strchr(text, ':');
        if (colon && strchr(colon + 1, ':'))
            return -1;
        end = colon ? colon : text + strlen(text);
    }
    size_t size = (size_t)(end - begin);
    if (size == 0 || size >= HOST_BYTES)
        return -1;
    memcpy(host, begin, size);
    host[size] = 0;
    *port = TD_DEFAULT_PORT;
    return colon ? tdi_parse_int(colon + 1, 0, 65535, port) : 0;
}

td_status tdi_address_resolve(const char *text, tdi_address *out, size_t *count, td_error *err) {
    char host[HOST_BYTES], service[16];
    int64_t port;
    struct addrinfo hints = {0}, *list = NULL;
    if (split(text, host, &port))
        return tdi_fail(err, TD_ARGUMENT,
                        "\"%s\" is no address: write host:port, as in 127.0.0.1:%d or [::1]:%d",
                        text, TD_DEFAULT_PORT, TD_DEFAULT_PORT);
    snprintf(service, sizeof service, "%d", (int)port);
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    int failed = getaddrinfo(host, service, &hints, &list);
    if (failed)
        return tdi_fail(err, TD_NOT_FOUND, "the host \"%s\" is not known: %s", host,
                        gai_strerror(failed));
    *count = 0;
    for (struct addrinfo *a = list; a && *count < TDI_ADDRESSES_MAX; a = a->ai_next)
        if (a->ai_addrlen <= sizeof out->storage)
            memcpy(&out[(*count)++].storage, a->ai_addr, a->ai_addrlen);
    freeaddrinfo(list);
    return TD_OK;
}

void tdi_address_format(const tdi_address *address, char out[TDI_ADDRESS_TEXT_BYTES]) {
    char host[INET6_ADDRSTRLEN] = "?";
    if (address->storage.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address->storage;
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        snprintf(out, TDI_ADDRESS_TEXT_BYTES, "[%s]:%d", host, ntohs(v6->sin6_port));
    } else {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address->storage;
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        snprintf(out, TDI_ADDRESS_TEXT_BYTES, "%s:%d", host, ntohs(v4->sin_port));
    }
}

int tdi_address_port(const tdi_address *address) {
    if (address->storage.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&address->storage)->sin6_port);
    return ntohs(((const struct sockaddr_in *)&address->storage)->sin_port);
}

int tdi_address_is_loopback(const tdi_address *address) {
    if (address->storage.ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)&address->storage)->sin6_addr);
    return ntohl(((const struct sockaddr_in *)&address->storage)->sin_addr.s_addr) >> 24 == 127;
}
