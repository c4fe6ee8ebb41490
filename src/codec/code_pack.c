/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `pack`: fixed length, near log2(levels) bits per element. Levels go in groups of k; a group is
 * one integer in base `levels`, the first level its lowest digit, and takes as few bits as hold
 * every group:
 *
 *     bits(k) = bits of levels^k - 1;   k: where bits(k) / k is least, the smallest such k;
 * levels^k < 2^64
 *
 *     |group 0: bits(k)|group 1: bits(k)| ... |last, r = elements mod k levels: bits(r)|zeros to
 * the byte's end|
 *
 * Bits fill bytes from the lowest bit on. For a power of two, k is 1.
 */
#include "base/memory.h"
#include "codec/stage.h"

typedef struct pack_group {
    unsigned elements, bits;
    uint64_t values; /* levels^elements */
} pack_group;

typedef struct pack_state {
    size_t elements, bytes;
    uint32_t levels;
    pack_group group, last; /* last.elements may be 0 */
} pack_state;

static unsigned bits_of(uint64_t value) {
    unsigned bits = 0;
    for (; value; value >>= 1)
        bits++;
    return bits;
}

static pack_group group_of(uint64_t levels, unsigned elements) {
    pack_group g = {elements, 0, 1};
    for (unsigned i = 0; i < elements; i++)
        g.values *= levels;
    g.bits = bits_of(g.values - 1);
    return g;
}

static pack_group best_group(uint64_t levels) {
    pack_group best = group_of(levels, 1);
    uint64_t values = levels;
    for (unsigned k = 2; values <= UINT64_MAX / levels; k++) {
        values *= levels;
        unsigned bits = bits_of(values - 1);
        if (bits * best.elements < best.bits * k) {
            best.elements = k;
            best.bits = bits;
            best.values = values;
        }
    }
    return best;
}

static td_status pack_open(const tdi_stage_spec *spec, const tdi_stage_context *context,
                           void **state, td_error *err) {
    (void)spec;
    pack_state *s = tdi_malloc(sizeof *s);
    if (!s)
        return tdi_fail_memory(err);
    s->elements = context->elements;
    s->levels = (uint32_t)context->levels;
    s->group = best_group(s->levels);
    s->last = group_of(s->levels, (unsigned)(s->elements % s->group.elements));
    uint64_t bits = (uint64_t)(s->elements / s->group.elements) * s->group.bits + s->last.bits;
    s->bytes = (size_t)((bits + 7) / 8);
    *state = s;
    return TD_OK;
}

static size_t pack_bound(const void *state) {
    return ((const pack_state *)state)->bytes;
}

/* Bits not yet in `out`; fewer than 8 between calls. */
typedef struct bit_writer {
    uint8_t *out;
    uint64_t held;
    unsigned count;
} bit_writer;

static void put_bits(bit_writer *w, uint64_t value, unsigned bits) {
    /* At most 32 at a time, so that what is held never exceeds 39 bits. */
    while (bits) {
        unsigned part = bits < 32 ? bits : 32;
        w->held |= (value & (UINT64_MAX >> (64 - part))) << w->count;
        w->count += part;
        for (; w->count >= 8; w->count -= 8, w->held >>= 8)
            *w->out++ = (uint8_t)w->held;
        value >>= part;
        bits -= part;
    }
}

static td_status pack_encode(void *state, const void *values, uint8_t *out, size_t out_bytes,
                             size_t *written, td_error *err) {
    const pack_state *s = state;
    const uint16_t *levels = values, *end = levels + s->elements - s->last.elements;
    if (s->bytes > out_bytes)
        return tdi_fail(err, TD_LIMIT, "pack: %zu bytes do not fit into %zu", s->bytes, out_bytes);
    bit_writer w = {out, 0, 0};
    for (; levels < end; levels += s->group.elements) {
        uint64_t value = 0;
        for (unsigned i = s->group.elements; i-- > 0;)
            value = value * s->levels + levels[i];
        put_bits(&w, value, s->group.bits);
    }
    uint64_t value = 0;
    for (unsigned i = s->last.elements; i-- > 0;)
        value = value * s->levels + levels[i];
    put_bits(&w, value, s->last.bits);
    if (w.count)
        *w.out = (uint8_t)w.held;
    *written = s->bytes;
    return TD_OK;
}

/* The caller has checked that the bits are there. */
typedef struct bit_reader {
    const uint8_t *in;
    uint64_t held;
    unsigned count;
} bit_reader;

static uint64_t get_bits(bit_reader *r, unsigned bits) {
    uint64_t value = 0;
    for (unsigned at = 0; at < bits;) {
        unsigned part = bits - at < 32 ? bits - at : 32;
        for (; r->count < part; r->count += 8)
            r->held |= (uint64_t)*r->in++ << r->count;
        value |= (r->held & (UINT64_MAX >> (64 - part))) << at;
        r->held >>= part;
        r->count -= part;
        at += part;
    }
    return value;
}

/* 0, or -1 where the bits are no group. */
static int get_group(bit_reader *r, const pack_group *group, uint32_t base, uint16_t *levels) {
    uint64_t value = get_bits(r, group->bits);
    if (value >= group->values)
        return -1;
    for (unsigned i = 0; i + 1 < group->elements; i++) {
        levels[i] = (uint16_t)(value % base);
        value /= base;
    }
    if (group->elements)
        levels[group->elements - 1] = (uint16_t)value;
    return 0;
}

static td_status pack_decode(void *state, const uint8_t *bytes, size_t count, void *values,
                             td_error *err) {
    const pack_state *s = state;
    uint16_t *levels = values, *end = levels + s->elements - s->last.elements;
    if (count != s->bytes)
        return tdi_fail(err, TD_FORMAT, "pack: %zu bytes where the tensor has %zu", count,
                        s->bytes);
    bit_reader r = {bytes, 0, 0};
    for (; levels < end; levels += s->group.elements)
        if (get_group(&r, &s->group, s->levels, levels))
            goto bad_group;
    if (get_group(&r, &s->last, s->levels, levels))
        goto bad_group;
    if (r.held)
        return tdi_fail_at(err, TD_FORMAT, (int64_t)count - 1,
                           "pack: the bits after the last level are not zero");
    return TD_OK;
bad_group:
    return tdi_fail_at(err, TD_FORMAT, r.in - bytes - 1,
                       "pack: the group that ends at byte %zu is not of %u levels",
                       (size_t)(r.in - bytes - 1), (unsigned)s->levels);
}

static const tdi_bytes_ops pack_ops = {pack_bound, pack_encode, pack_decode};

const tdi_stage tdi_stage_pack = {
    .info = {.name = "pack",
             .kind = TD_STAGE_LEVELS,
             .help = "fixed length, near log2(levels) bits per element"},
    .open = pack_open,
    .close = tdi_free,
    .bytes = &pack_ops,
};
