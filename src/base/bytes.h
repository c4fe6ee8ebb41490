/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounded little-endian reading and writing. Errors stick: after the first, reads give 0 and writes
 * do nothing, so that a caller checks once at the end.
 */
#ifndef TDI_BASE_BYTES_H
#define TDI_BASE_BYTES_H

#include <string.h>

#include <tandem/base.h>

typedef struct tdi_reader {
    const uint8_t *data;
    size_t size, at;
    int failed;
} tdi_reader;

static inline tdi_reader tdi_reader_init(const void *data, size_t size) {
    tdi_reader r = {(const uint8_t *)data, size, 0, 0};
    return r;
}

static inline size_t tdi_reader_left(const tdi_reader *r) {
    return r->failed ? 0 : r->size - r->at;
}

/* The next `size` bytes, or NULL (and failed) where there are not so many. */
static inline const uint8_t *tdi_read_bytes(tdi_reader *r, size_t size) {
    if (r->failed || size > r->size - r->at) {
        r->failed = 1;
        return NULL;
    }
    const uint8_t *p = r->data + r->at;
    r->at += size;
    return p;
}

static inline uint64_t tdi_read_le(tdi_reader *r, size_t size) {
    const uint8_t *p = tdi_read_bytes(r, size);
    uint64_t v = 0;
    if (p)
        for (size_t i = 0; i < size; i++)
            v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static inline uint8_t tdi_read_u8(tdi_reader *r) {
    return (uint8_t)tdi_read_le(r, 1);
}
static inline uint16_t tdi_read_u16(tdi_reader *r) {
    return (uint16_t)tdi_read_le(r, 2);
}
static inline uint32_t tdi_read_u32(tdi_reader *r) {
    return (uint32_t)tdi_read_le(r, 4);
}
static inline uint64_t tdi_read_u64(tdi_reader *r) {
    return tdi_read_le(r, 8);
}
static inline float tdi_read_f32(tdi_reader *r) {
    uint32_t bits = tdi_read_u32(r);
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

typedef struct tdi_writer {
    uint8_t *data;
    size_t size, at;
    int failed;
} tdi_writer;

static inline tdi_writer tdi_writer_init(void *data, size_t size) {
    tdi_writer w = {(uint8_t *)data, size, 0, 0};
    return w;
}

static inline uint8_t *tdi_write_reserve(tdi_writer *w, size_t size) {
    if (w->failed || size > w->size - w->at) {
        w->failed = 1;
        return NULL;
    }
    uint8_t *p = w->data + w->at;
    w->at += size;
    return p;
}

static inline void tdi_write_bytes(tdi_writer *w, const void *data, size_t size) {
    uint8_t *p = tdi_write_reserve(w, size);
    if (p && size)
        memcpy(p, data, size);
}

static inline void tdi_write_le(tdi_writer *w, uint64_t v, size_t size) {
    uint8_t *p = tdi_write_reserve(w, size);
    if (p)
        for (size_t i = 0; i < size; i++)
            p[i] = (uint8_t)(v >> (8 * i));
}

static inline void tdi_write_u8(tdi_writer *w, uint8_t v) {
    tdi_write_le(w, v, 1);
}
static inline void tdi_write_u16(tdi_writer *w, uint16_t v) {
    tdi_write_le(w, v, 2);
}
static inline void tdi_write_u32(tdi_writer *w, uint32_t v) {
    tdi_write_le(w, v, 4);
}
static inline void tdi_write_u64(tdi_writer *w, uint64_t v) {
    tdi_write_le(w, v, 8);
}
static inline void tdi_write_f32(tdi_writer *w, float v) {
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    tdi_write_u32(w, bits);
}

#endif
