/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of the protocol as plain structs, to and from bytes. docs/protocol.md describes
 * them. Knows neither sockets nor time, nor which message may come when.
 */
#ifndef TDI_WIRE_MESSAGE_H
#define TDI_WIRE_MESSAGE_H

#include <tandem/base.h>

#include "base/hash.h"
#include "wire/scratch.h"

/* The versions that this code speaks. */
#define TDI_VERSION_MIN 1
#define TDI_VERSION_MAX 1

#define TDI_HEADER_BYTES 12

#define TDI_FRAME_BYTES_MAX  (64u * 1024 * 1024)
#define TDI_OUTPUT_BYTES_MAX (64u * 1024 * 1024)
#define TDI_CHUNK_BYTES_MAX  (256u * 1024)

/* Every message: name, type, most bytes of the control part, most bytes of the payload. */
#define TDI_MESSAGE_MAP(X)                                                                         \
    X(HELLO, 1, 512, 0, "Hello")                                                                   \
    X(HELLO_ACK, 2, 512, 0, "HelloAck")                                                            \
    X(SWITCH, 3, 8192, 0, "ModelSwitchRequest")                                                    \
    X(READY, 4, 4096, 0, "ModelReadyResponse")                                                     \
    X(FRAME, 5, 512, TDI_FRAME_BYTES_MAX, "Frame")                                                 \
    X(CONFIRM, 6, 64, 0, "ConfirmationResponse")                                                   \
    X(RESULT, 7, 65536, TDI_OUTPUT_BYTES_MAX, "ResultResponse")                                    \
    X(DROP, 8, 1024, 0, "Drop")                                                                    \
    X(ERROR, 9, 1024, 0, "Error")                                                                  \
    X(PING, 10, 64, 0, "Ping")                                                                     \
    X(PONG, 11, 64, 0, "Pong")                                                                     \
    X(BUNDLE_REQUEST, 12, 1024, 0, "BundleRequest")                                                \
    X(BUNDLE_RESPONSE, 13, 1024, TDI_CHUNK_BYTES_MAX, "BundleResponse")

typedef enum tdi_message_type {
#define TDI_MESSAGE_ENUM(name, value, control, payload, text) TDI_MESSAGE_##name = value,
    TDI_MESSAGE_MAP(TDI_MESSAGE_ENUM)
#undef TDI_MESSAGE_ENUM
        TDI_MESSAGE_END
} tdi_message_type;

/* "Frame" and so on; "?" for a value that is no type. */
const char *tdi_message_name(uint32_t type);
/* Limits of a type; 0 for a value that is no type. */
uint32_t tdi_message_control_max(uint32_t type);
uint32_t tdi_message_payload_max(uint32_t type);

/* Most bytes of strings, without the NUL. */
#define TDI_SOFTWARE_BYTES  64
#define TDI_MODEL_BYTES     128
#define TDI_RECIPE_BYTES    256
#define TDI_CUT_BYTES       4096
#define TDI_STRATEGY_BYTES  1024
#define TDI_PATH_BYTES      512
#define TDI_REASON_BYTES    (TD_ERROR_MESSAGE_BYTES - 1)
#define TDI_LABEL_ID_BYTES  64
#define TDI_LABEL_BYTES     240 /* name and description each */
#define TDI_SIZES_MAX       32
#define TDI_OUTPUTS_MAX     32
#define TDI_PREDICTIONS_MAX 100
#define TDI_SILENCE_MS_MAX  3600000u

/* Strings are never NULL and, in a decoded message, free of control characters; they live in the
 * scratch memory. */
typedef struct tdi_hello {
    uint32_t version_min, version_max;
    const char *software;
    uint32_t silence_ms;
} tdi_hello;

typedef struct tdi_hello_ack {
    uint32_t version;
    const char *software;
    uint32_t silence_ms;
} tdi_hello_ack;

typedef struct tdi_switch {
    uint64_t switch_id;
    const char *model;
    tdi_hash model_hash;
    const char *recipe, *cut, *strategy;
    tdi_hash calibration_hash; /* all zero: none */
    uint32_t top;
    int raw_outputs;
} tdi_switch;

typedef struct tdi_ready {
    uint64_t switch_id;
    td_status status; /* TD_OK, or why not */
    const char *reason;
    const char *strategy;
    uint64_t frame_bytes_max;
} tdi_ready;

typedef struct tdi_frame {
    uint64_t frame_id, switch_id;
    const uint32_t *sizes; /* they add up to the payload's length */
    size_t size_count;
} tdi_frame;

typedef struct tdi_confirm {
    uint64_t frame_id, bytes;
} tdi_confirm;

typedef struct tdi_scored {
    uint32_t index;
    float score;
    const char *id, *name, *description;
} tdi_scored;

typedef struct tdi_result {
    uint64_t frame_id;
    td_duration queue, es, is;
    const tdi_scored *predictions;
    size_t prediction_count;
    const uint64_t *output_elements; /* four bytes each make up the payload */
    size_t output_count;
} tdi_result;

typedef struct tdi_drop {
    uint64_t frame_id;
    td_status status;
    const char *reason;
} tdi_drop;

typedef struct tdi_error_message {
    td_status status;
    const char *reason;
} tdi_error_message;

typedef struct tdi_ping {
    uint64_t ping_id;
} tdi_ping;

typedef struct tdi_bundle_request {
    uint64_t request_id;
    const char *model, *path;
    uint64_t offset;
    uint32_t length;
} tdi_bundle_request;

typedef struct tdi_bundle_response {
    uint64_t request_id;
    td_status status;
    const char *reason;
    uint64_t total;
} tdi_bundle_response;

typedef struct tdi_message {
    tdi_message_type type;
    union {
        tdi_hello hello;
        tdi_hello_ack hello_ack;
        tdi_switch switch_request;
        tdi_ready ready;
        tdi_frame frame;
        tdi_confirm confirm;
        tdi_result result;
        tdi_drop drop;
        tdi_error_message error;
        tdi_ping ping; /* PING and PONG */
        tdi_bundle_request bundle_request;
        tdi_bundle_response bundle_response;
    };
} tdi_message;

/* What stands before every message. */
typedef struct tdi_header {
    tdi_message_type type;
    uint32_t control_bytes, payload_bytes;
} tdi_header;

void tdi_header_encode(const tdi_header *header, uint8_t out[TDI_HEADER_BYTES]);
/* TD_PROTOCOL for what is no header of this protocol, TD_LIMIT for lengths above the type's limits.
 */
td_status tdi_header_decode(const uint8_t bytes[TDI_HEADER_BYTES], tdi_header *out, td_error *err);

/* Header and control part never have more bytes than this. */
#define TDI_MESSAGE_BYTES_MAX (TDI_HEADER_BYTES + 65536u)

/*
 * Writes header and control part; the caller puts `payload_bytes` bytes behind them. Sentences and
 * labels that are too long are cut, other strings that are too long are TD_LIMIT, as is a message
 * that `out` has no room for. What is in `scratch` stays there.
 */
td_status tdi_message_encode(const tdi_message *message, size_t payload_bytes, tdi_scratch *scratch,
                             uint8_t *out, size_t out_bytes, size_t *written, td_error *err);

/*
 * Reads a control part whose header has been read. Everything in `out` lives in `scratch`, which is
 * emptied first. TD_FORMAT for what is not such a message, TD_LIMIT for what is too large,
 * TD_PROTOCOL for a field out of its range.
 */
td_status tdi_message_decode(const tdi_header *header, const uint8_t *control, tdi_scratch *scratch,
                             tdi_message *out, td_error *err);

#endif
