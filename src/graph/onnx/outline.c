/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies a message of protocol buffers, of which it knows the way to the raw data of constants. A
 * message on this way changes its length; the others are copied as they are.
 */
#include "graph/onnx/outline.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"

#define WINDOW_BYTES ((size_t)64 << 10)

enum { WIRE_VARINT = 0, WIRE_64BIT = 1, WIRE_BYTES = 2, WIRE_32BIT = 5 };

/* Fields of the schema. */
enum {
    MODEL_GRAPH = 7,
    GRAPH_NODE = 1,
    GRAPH_INITIALIZER = 5,
    NODE_OP_TYPE = 4,
    NODE_ATTRIBUTE = 5,
    ATTRIBUTE_T = 5,
    TENSOR_RAW_DATA = 9,
    TENSOR_EXTERNAL_DATA = 13,
    TENSOR_DATA_LOCATION = 14,
    ENTRY_KEY = 1,
    ENTRY_VALUE = 2,
    LOCATION_EXTERNAL = 1
};

typedef enum message { MODEL, GRAPH, NODE, CONSTANT, ATTRIBUTE, TENSOR, OTHER } message;

typedef struct outline {
    const tdi_backing *file;
    size_t bytes_min;
    uint8_t *window; /* a part of the file */
    size_t window_at, window_bytes;
    uint8_t *out;
    size_t size, capacity;
    td_error *err;
} outline;

/* A field in the file: from `at` to `end`, of which a payload of bytes begins at `payload`. */
typedef struct field {
    size_t at, payload, end;
    uint32_t number;
    int wire;
} field;

static td_status byte_at(outline *o, size_t at, uint8_t *out) {
    if (at < o->window_at || at - o->window_at >= o->window_bytes) {
        size_t left = tdi_backing_bytes(o->file) - at;
        o->window_bytes = 0;
        TD_TRY(tdi_backing_read(o->file, at, o->window, left < WINDOW_BYTES ? left : WINDOW_BYTES,
                                o->err));
        o->window_at = at;
        o->window_bytes = left < WINDOW_BYTES ? left : WINDOW_BYTES;
    }
    *out = o->window[at - o->window_at];
    return TD_OK;
}

static td_status read_varint(outline *o, size_t *at, size_t end, uint64_t *out) {
    uint64_t value = 0;
    uint8_t byte = 0x80;
    for (int i = 0; i < 10 && *at < end; i++) {
        TD_TRY(byte_at(o, (*at)++, &byte));
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80)) {
            *out = value;
            return TD_OK;
        }
    }
    return TD_FORMAT;
}

static td_status read_field(outline *o, size_t at, size_t end, field *f) {
    uint64_t tag = 0, value = 0;
    f->at = at;
    TD_TRY(read_varint(o, &at, end, &tag));
    f->number = (uint32_t)(tag >> 3);
    f->wire = (int)(tag & 7);
    f->payload = at;
    if (tag > UINT32_MAX)
        return TD_FORMAT;
    switch (f->wire) {
    case WIRE_VARINT:
        TD_TRY(read_varint(o, &at, end, &value));
        value = 0;
        break;
    case WIRE_BYTES:
        TD_TRY(read_varint(o, &at, end, &value));
        f->payload = at;
        break;
    case WIRE_64BIT:
    case WIRE_32BIT:
        value = f->wire == WIRE_64BIT ? 8 : 4;
        break;
    default:
        return TD_FORMAT;
    }
    if (value > end - at)
        return TD_FORMAT;
    f->end = at + (size_t)value;
    return TD_OK;
}

static uint8_t *append(outline *o, size_t bytes) {
    if (bytes > SIZE_MAX - o->size || tdi_grow(&o->out, &o->capacity, o->size + bytes, 1) != 0)
        return NULL;
    o->size += bytes;
    return o->out + (o->size - bytes);
}

static td_status copy(outline *o, size_t from, size_t bytes) {
    uint8_t *to = append(o, bytes);
    if (!to)
        return tdi_fail_memory(o->err);
    if (from >= o->window_at && from - o->window_at < o->window_bytes &&
        bytes <= o->window_bytes - (from - o->window_at))
        memcpy(to, o->window + (from - o->window_at), bytes);
    else
        TD_TRY(tdi_backing_read(o->file, from, to, bytes, o->err));
    return TD_OK;
}

/* A message is copied to a place where it is not known yet how long it becomes: a varint may have
 * more bytes than it needs. */
enum { LENGTH_BYTES = 5 };

static void put_length(uint8_t *to, size_t length) {
    for (int i = 0; i < LENGTH_BYTES; i++)
        to[i] = (uint8_t)((length >> (7 * i) & 0x7f) | (i + 1 < LENGTH_BYTES ? 0x80 : 0));
}

/* An entry of external data. All lengths are below 128. */
static td_status put_entry(outline *o, const char *key, const char *value) {
    size_t key_bytes = strlen(key), value_bytes = strlen(value);
    uint8_t *to = append(o, 2 + 2 + key_bytes + 2 + value_bytes);
    if (!to)
        return tdi_fail_memory(o->err);
    *to++ = TENSOR_EXTERNAL_DATA << 3 | WIRE_BYTES;
    *to++ = (uint8_t)(2 + key_bytes + 2 + value_bytes);
    *to++ = ENTRY_KEY << 3 | WIRE_BYTES;
    *to++ = (uint8_t)key_bytes;
    memcpy(to, key, key_bytes);
    to += key_bytes;
    *to++ = ENTRY_VALUE << 3 | WIRE_BYTES;
    *to++ = (uint8_t)value_bytes;
    memcpy(to, value, value_bytes);
    return TD_OK;
}

/* At the end of a tensor, where it counts more than what is there of the kind. */
static td_status put_place(outline *o, const field *raw) {
    char offset[24], length[24];
    snprintf(offset, sizeof offset, "%zu", raw->payload);
    snprintf(length, sizeof length, "%zu", raw->end - raw->payload);
    TD_TRY(put_entry(o, "location", TDI_OUTLINE_LOCATION));
    TD_TRY(put_entry(o, "offset", offset));
    TD_TRY(put_entry(o, "length", length));
    uint8_t *to = append(o, 2);
    if (!to)
        return tdi_fail_memory(o->err);
    to[0] = TENSOR_DATA_LOCATION << 3 | WIRE_VARINT;
    to[1] = LOCATION_EXTERNAL;
    return TD_OK;
}

/* Whether a node is a Constant: its attributes may come before its type. */
static td_status is_constant(outline *o, size_t at, size_t end, int *out) {
    static const char type[] = "Constant";
    *out = 0;
    while (at < end) {
        field f;
        TD_TRY(read_field(o, at, end, &f));
        at = f.end;
        if (f.number != NODE_OP_TYPE || f.wire != WIRE_BYTES)
            continue;
        *out = f.end - f.payload == sizeof type - 1;
        for (size_t i = 0; *out && i < sizeof type - 1; i++) {
            uint8_t byte = 0;
            TD_TRY(byte_at(o, f.payload + i, &byte));
            *out = byte == (uint8_t)type[i];
        }
    }
    return TD_OK;
}

static td_status kind_of(outline *o, message within, const field *f, message *out) {
    int constant = 0;
    *out = OTHER;
    if (f->wire != WIRE_BYTES)
        return TD_OK;
    if (within == MODEL && f->number == MODEL_GRAPH)
        *out = GRAPH;
    else if (within == GRAPH && f->number == GRAPH_NODE)
        *out = NODE;
    else if ((within == GRAPH && f->number == GRAPH_INITIALIZER) ||
             (within == ATTRIBUTE && f->number == ATTRIBUTE_T))
        *out = TENSOR;
    else if (within == CONSTANT && f->number == NODE_ATTRIBUTE)
        *out = ATTRIBUTE;
    if (*out == NODE) {
        TD_TRY(is_constant(o, f->payload, f->end, &constant));
        *out = constant ? CONSTANT : OTHER;
    }
    return TD_OK;
}

/* Recurses as deep as the schema has messages on the way to a tensor. */
static td_status copy_message(outline *o, message kind, size_t at, size_t end) {
    field f, raw = {0};
    while (at < end) {
        message inner;
        TD_TRY(read_field(o, at, end, &f));
        TD_TRY(kind_of(o, kind, &f, &inner));
        at = f.end;
        if (kind == TENSOR && f.number == TENSOR_RAW_DATA && f.wire == WIRE_BYTES) {
            raw = f;
            if (f.end - f.payload >= o->bytes_min)
                continue;
        }
        /* Small things are mostly one after the other in the window. */
        if (inner == OTHER || f.end - f.at < o->bytes_min) {
            TD_TRY(copy(o, f.at, f.end - f.at));
            continue;
        }
        uint8_t *head = append(o, 1 + LENGTH_BYTES);
        size_t begin = o->size;
        if (!head)
            return tdi_fail_memory(o->err);
        head[0] = (uint8_t)(f.number << 3 | WIRE_BYTES);
        TD_TRY(copy_message(o, inner, f.payload, f.end));
        put_length(o->out + begin - LENGTH_BYTES, o->size - begin);
    }
    return raw.end - raw.payload >= o->bytes_min ? put_place(o, &raw) : TD_OK;
}

td_status tdi_outline(const tdi_backing *file, size_t bytes_min, uint8_t **out, size_t *size,
                      td_error *err) {
    outline o = {
        .file = file, .bytes_min = bytes_min, .err = err, .window = tdi_malloc(WINDOW_BYTES)};
    td_status status = o.window ? copy_message(&o, MODEL, 0, tdi_backing_bytes(file))
                                : tdi_fail_memory(err);
    if (status == TD_OK && !append(&o, 1)) /* so that there is something even of nothing */
        status = tdi_fail_memory(err);
    tdi_free(o.window);
    if (status != TD_OK) {
        tdi_free(o.out);
        return status;
    }
    *out = o.out;
    *size = o.size - 1;
    return TD_OK;
}
