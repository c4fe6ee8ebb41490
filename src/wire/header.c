/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The twelve bytes before every message, and the table of message types with their limits.
 */
#include "base/bytes.h"
#include "base/status.h"
#include "wire/message.h"

static const struct {
    const char *name;
    uint32_t control_max, payload_max;
} types[TDI_MESSAGE_END] = {[0] = {"?", 0, 0},
#define TYPE_ROW(name, value, control, payload, text) [value] = {text, control, payload},
                            TDI_MESSAGE_MAP(TYPE_ROW)
#undef TYPE_ROW
};

const char *tdi_message_name(uint32_t type) {
    return types[type < TDI_MESSAGE_END ? type : 0].name;
}

uint32_t tdi_message_control_max(uint32_t type) {
    return types[type < TDI_MESSAGE_END ? type : 0].control_max;
}

uint32_t tdi_message_payload_max(uint32_t type) {
    return types[type < TDI_MESSAGE_END ? type : 0].payload_max;
}

static void put_u32(uint8_t *out, uint32_t v) {
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(v >> (8 * i));
}

void tdi_header_encode(const tdi_header *header, uint8_t out[TDI_HEADER_BYTES]) {
    out[0] = 'T';
    out[1] = 'D';
    out[2] = (uint8_t)header->type;
    out[3] = 0;
    put_u32(out + 4, header->control_bytes);
    put_u32(out + 8, header->payload_bytes);
}

td_status tdi_header_decode(const uint8_t bytes[TDI_HEADER_BYTES], tdi_header *out, td_error *err) {
    tdi_reader r = tdi_reader_init(bytes, TDI_HEADER_BYTES);
    const uint8_t *magic = tdi_read_bytes(&r, 2);
    uint8_t type = tdi_read_u8(&r);
    uint8_t reserved = tdi_read_u8(&r);
    uint32_t control = tdi_read_u32(&r);
    uint32_t payload = tdi_read_u32(&r);
    if (magic[0] != 'T' || magic[1] != 'D')
        return tdi_fail_at(err, TD_PROTOCOL, 0,
                           "the peer does not speak Tandem's protocol: a message begins with the "
                           "bytes %02x %02x instead of 54 44",
                           magic[0], magic[1]);
    if (type == 0 || type >= TDI_MESSAGE_END)
        return tdi_fail_at(err, TD_PROTOCOL, 2, "there is no message type %u", type);
    if (reserved)
        return tdi_fail_at(err, TD_PROTOCOL, 3, "%s: the reserved byte is %u instead of 0",
                           tdi_message_name(type), reserved);
    if (control > types[type].control_max)
        return tdi_fail_at(err, TD_LIMIT, 4,
                           "%s: a control part of %u bytes, at most %u are allowed",
                           tdi_message_name(type), control, types[type].control_max);
    if (payload > types[type].payload_max)
        return tdi_fail_at(err, TD_LIMIT, 8, "%s: a payload of %u bytes, at most %u are allowed",
                           tdi_message_name(type), payload, types[type].payload_max);
    out->type = (tdi_message_type)type;
    out->control_bytes = control;
    out->payload_bytes = payload;
    return TD_OK;
}
