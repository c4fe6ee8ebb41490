/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire format of protocol buffers, walked with a stack of our own.
 */
#include "graph/onnx/scan.h"

#include <string.h>

#define LEVELS_MAX 64

/* What protobuf-c notes per field while it unpacks a message (its ScannedMember), with slack. */
#define FIELD_COST 64

enum { WIRE_VARINT = 0, WIRE_64BIT = 1, WIRE_BYTES = 2, WIRE_32BIT = 5 };

typedef struct level {
    const ProtobufCMessageDescriptor *type;
    size_t end;
    uint64_t seen; /* fields by their place in the schema */
} level;

typedef struct scanner {
    const uint8_t *bytes;
    size_t at;
    size_t extra; /* bytes that unpacking takes beyond the message's own */
    int depth, depth_max;
    level levels[LEVELS_MAX];
    td_error *err;
} scanner;

static td_status malformed(const scanner *s, const char *what) {
    return tdi_fail_at(s->err, TD_FORMAT, (int64_t)s->at,
                       "not an ONNX model, or a damaged one: %s at byte %zu", what, s->at);
}

/* A varint of at most `most` bytes, as protobuf-c takes them. */
static td_status read_varint(scanner *s, int most, uint64_t *out) {
    size_t end = s->levels[s->depth - 1].end;
    uint64_t value = 0;
    for (int i = 0; i < most && s->at < end; i++) {
        uint8_t byte = s->bytes[s->at++];
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80)) {
            *out = value;
            return TD_OK;
        }
    }
    return malformed(s, "a number without end");
}

static td_status spend(scanner *s, size_t bytes) {
    if (bytes > TDI_SCAN_EXTRA_MAX - s->extra)
        return tdi_fail_at(s->err, TD_LIMIT, (int64_t)s->at,
                           "the model's description would take more than %zu MB to unpack",
                           TDI_SCAN_EXTRA_MAX >> 20);
    s->extra += bytes;
    return TD_OK;
}

static size_t element_bytes(ProtobufCType type) {
    switch (type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    default:
        return 4;
    }
}

/* Numbers of a repeated field in one piece: more memory than bytes where they are short varints. */
static td_status scan_packed(scanner *s, ProtobufCType type, size_t length) {
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += !(s->bytes[s->at + i] & 0x80);
    size_t most = type == PROTOBUF_C_TYPE_FLOAT || type == PROTOBUF_C_TYPE_DOUBLE
                      ? length
                      : count * element_bytes(type);
    s->at += length;
    return spend(s, most > length ? most - length : 0);
}

static td_status enter_message(scanner *s, const ProtobufCFieldDescriptor *field, size_t length) {
    level *here = &s->levels[s->depth - 1];
    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        uint64_t bit = (uint64_t)1 << ((size_t)(field - here->type->fields) & 63);
        if (here->seen & bit)
            return malformed(s, "a part that may occur once occurs again");
        here->seen |= bit;
    }
    if (s->depth == s->depth_max)
        return tdi_fail_at(s->err, TD_LIMIT, (int64_t)s->at,
                           "the model nests more than %d levels deep", s->depth_max);
    const ProtobufCMessageDescriptor *type = field->descriptor;
    level next = {type, s->at + length, 0};
    s->levels[s->depth++] = next;
    return spend(s, type->sizeof_message);
}

static td_status scan_bytes(scanner *s, const ProtobufCFieldDescriptor *field) {
    uint64_t length = 0;
    TD_TRY(read_varint(s, 5, &length));
    if (length > s->levels[s->depth - 1].end - s->at)
        return malformed(s, "a length that goes past the end");
    if (!field) {
        s->at += (size_t)length;
        return spend(s, sizeof(ProtobufCMessageUnknownField));
    }
    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        return enter_message(s, field, (size_t)length);
    case PROTOBUF_C_TYPE_STRING:
        if (memchr(s->bytes + s->at, 0, (size_t)length))
            return malformed(s, "a text with a NUL");
        s->at += (size_t)length;
        return spend(s, 1);
    case PROTOBUF_C_TYPE_BYTES:
        s->at += (size_t)length;
        return TD_OK;
    default:
        if (field->label != PROTOBUF_C_LABEL_REPEATED)
            return malformed(s, "a list in the place of a number");
        return scan_packed(s, field->type, (size_t)length);
    }
}

static td_status scan_field(scanner *s) {
    uint64_t tag = 0, ignored;
    TD_TRY(read_varint(s, 5, &tag));
    if (tag > UINT32_MAX || tag >> 3 == 0)
        return malformed(s, "a field without number");
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(
        s->levels[s->depth - 1].type, (unsigned)(tag >> 3));
    TD_TRY(spend(s, FIELD_COST + (field && field->label == PROTOBUF_C_LABEL_REPEATED
                                      ? element_bytes(field->type)
                                      : 0)));
    size_t skip;
    switch (tag & 7) {
    case WIRE_BYTES:
        return scan_bytes(s, field);
    case WIRE_VARINT:
        TD_TRY(read_varint(s, 10, &ignored));
        skip = 0;
        break;
    case WIRE_64BIT:
        skip = 8;
        break;
    case WIRE_32BIT:
        skip = 4;
        break;
    default:
        return malformed(s, "a group");
    }
    if (skip > s->levels[s->depth - 1].end - s->at)
        return malformed(s, "a number that goes past the end");
    s->at += skip;
    return spend(s, field ? 0 : sizeof(ProtobufCMessageUnknownField));
}

td_status tdi_scan(const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t size,
                   int depth_max, td_error *err) {
    scanner s = {.bytes = bytes, .depth = 1, .err = err};
    s.depth_max = depth_max < LEVELS_MAX ? depth_max : LEVELS_MAX;
    s.levels[0] = (level){type, size, 0};
    while (s.depth > 0) {
        if (s.at == s.levels[s.depth - 1].end)
            s.depth--;
        else
            TD_TRY(scan_field(&s));
    }
    return TD_OK;
}
