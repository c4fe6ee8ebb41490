/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plain blocking socket that speaks the protocol by hand: a peer that does what ours would not.
 */
#ifndef TDT_NET_RAW_PEER_H
#define TDT_NET_RAW_PEER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <support.h>

#include "wire/message.h"

typedef struct raw_peer {
    int fd;
    tdi_scratch scratch;
    uint8_t payload[1 << 16]; /* of the message read last */
    size_t payload_bytes;
    uint8_t control[1 << 16];
} raw_peer;

static inline raw_peer *raw_peer_new(int fd) {
    raw_peer *peer = calloc(1, sizeof *peer);
    struct timeval patience = {20, 0};
    assert_int_equal(tdi_scratch_init(&peer->scratch, TDI_SCRATCH_BYTES), 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    peer->fd = fd;
    return peer;
}

static inline struct sockaddr_in raw_address(int port) {
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static inline raw_peer *raw_peer_connect(int port) {
    struct sockaddr_in address = raw_address(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return raw_peer_new(fd);
}

static inline void raw_peer_free(raw_peer *peer) {
    close(peer->fd);
    tdi_scratch_fini(&peer->scratch);
    free(peer);
}

/* Listens on a free port of loopback. */
static inline int raw_listen(int *port) {
    struct sockaddr_in address = raw_address(0);
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static inline void raw_write(raw_peer *peer, const void *bytes, size_t size) {
    for (size_t at = 0; at < size;) {
        ssize_t n = send(peer->fd, (const uint8_t *)bytes + at, size - at, MSG_NOSIGNAL);
        if (n <= 0)
            fail_msg("the connection took %zu of %zu bytes", at, size);
        at += (size_t)n;
    }
}

/* Sends header and control part alone: the payload that they promise is up to the caller. */
static inline void raw_say(raw_peer *peer, const tdi_message *message, size_t payload_bytes) {
    static uint8_t bytes[TDI_MESSAGE_BYTES_MAX];
    size_t size;
    assert_int_equal(tdi_message_encode(message, payload_bytes, &peer->scratch, bytes, sizeof bytes,
                                        &size, NULL),
                     TD_OK);
    raw_write(peer, bytes, size);
}

static inline int raw_read(raw_peer *peer, void *out, size_t size) {
    for (size_t at = 0; at < size;) {
        ssize_t n = recv(peer->fd, (uint8_t *)out + at, size - at, 0);
        if (n <= 0)
            return -1;
        at += (size_t)n;
    }
    return 0;
}

/* The next message; 0 type where the connection has ended. */
static inline tdi_message raw_hear(raw_peer *peer) {
    tdi_message message;
    tdi_header header;
    uint8_t bytes[TDI_HEADER_BYTES];
    memset(&message, 0, sizeof message);
    if (raw_read(peer, bytes, sizeof bytes))
        return message;
    assert_int_equal(tdi_header_decode(bytes, &header, NULL), TD_OK);
    assert_int_equal(raw_read(peer, peer->control, header.control_bytes), 0);
    assert_true(header.payload_bytes <= sizeof peer->payload);
    assert_int_equal(raw_read(peer, peer->payload, header.payload_bytes), 0);
    peer->payload_bytes = header.payload_bytes;
    assert_int_equal(tdi_message_decode(&header, peer->control, &peer->scratch, &message, NULL),
                     TD_OK);
    return message;
}

/* The next message but pings and pongs. */
static inline tdi_message raw_hear_news(raw_peer *peer) {
    tdi_message message;
    do {
        message = raw_hear(peer);
    } while (message.type == TDI_MESSAGE_PING || message.type == TDI_MESSAGE_PONG);
    return message;
}

static inline void raw_greet(raw_peer *peer) {
    tdi_message hello = {.type = TDI_MESSAGE_HELLO, .hello = {1, 1, "raw", 2000}};
    raw_say(peer, &hello, 0);
    assert_int_equal(raw_hear(peer).type, TDI_MESSAGE_HELLO_ACK);
}

#endif
