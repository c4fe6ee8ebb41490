/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BMP files: 1, 4 or 8 bits with a palette, 16, 24 or 32 bits with or without masks, either row
 * order. Run lengths are refused. Files that end early are refused before anything is allocated.
 */
#include <string.h>

#include "base/bytes.h"
#include "media/picture.h"

enum { FILE_HEADER_BYTES = 14, CORE_HEADER_BYTES = 12, INFO_HEADER_BYTES = 40 };
enum { COMPRESSION_NONE = 0, COMPRESSION_MASKS = 3 };
enum { RED, GREEN, BLUE, ALPHA };

typedef struct header {
    uint32_t pixels_offset, header_bytes;
    int64_t width, height;
    int bottom_up;
    uint32_t bits;
    uint32_t mask[4]; /* red, green, blue, alpha; alpha 0: opaque */
    uint32_t color_count;
    uint8_t palette[256][3];
    int grey; /* the palette has shades of grey only */
} header;

static td_status fail_short(const tdi_reader *in, td_error *err) {
    return tdi_fail_at(err, TD_FORMAT, (int64_t)in->size, "the BMP file is cut short");
}

static td_status check_depth(const header *h, uint32_t compression, td_error *err) {
    if (compression != COMPRESSION_NONE && compression != COMPRESSION_MASKS)
        return tdi_fail_at(err, TD_UNSUPPORTED, 30,
                           "the BMP is compressed (method %u): save it uncompressed, or as PNG",
                           compression);
    int masked = compression == COMPRESSION_MASKS;
    if (h->bits == 16 || h->bits == 32 ||
        (!masked && (h->bits == 1 || h->bits == 4 || h->bits == 8 || h->bits == 24)))
        return TD_OK;
    return tdi_fail_at(err, TD_FORMAT, 28, "damaged BMP: %u bits a pixel", h->bits);
}

/* The header proper, up to where masks or the palette begin. */
static td_status read_header(tdi_reader *in, header *h, td_error *err) {
    uint32_t compression = COMPRESSION_NONE;
    tdi_read_bytes(in, 10);
    h->pixels_offset = tdi_read_u32(in);
    h->header_bytes = tdi_read_u32(in);
    h->bottom_up = 1;
    if (h->header_bytes == CORE_HEADER_BYTES) {
        h->width = tdi_read_u16(in);
        h->height = tdi_read_u16(in);
        tdi_read_u16(in);
        h->bits = tdi_read_u16(in);
    } else if (h->header_bytes >= INFO_HEADER_BYTES && h->header_bytes <= 124) {
        h->width = (int32_t)tdi_read_u32(in);
        h->height = (int32_t)tdi_read_u32(in);
        tdi_read_u16(in);
        h->bits = tdi_read_u16(in);
        compression = tdi_read_u32(in);
        tdi_read_bytes(in, 12);
        h->color_count = tdi_read_u32(in);
        tdi_read_u32(in);
    } else if (!in->failed) {
        return tdi_fail_at(err, TD_UNSUPPORTED, FILE_HEADER_BYTES,
                           "the BMP has a header of %u bytes, which is no known form: save it anew",
                           h->header_bytes);
    }
    if (in->failed)
        return fail_short(in, err);
    if (h->height < 0) {
        h->height = -h->height;
        h->bottom_up = 0;
    }
    TD_TRY(check_depth(h, compression, err));
    if (h->bits == 16) {
        h->mask[RED] = 0x7c00;
        h->mask[GREEN] = 0x03e0;
        h->mask[BLUE] = 0x001f;
    } else {
        h->mask[RED] = 0xff0000;
        h->mask[GREEN] = 0x00ff00;
        h->mask[BLUE] = 0x0000ff;
    }
    if (compression == COMPRESSION_MASKS) {
        /* They follow the oldest header and are part of the newer ones: at the same place. */
        for (int c = RED; c <= BLUE; c++)
            h->mask[c] = tdi_read_u32(in);
        if (h->header_bytes >= 56)
            h->mask[ALPHA] = tdi_read_u32(in);
        if (in->failed)
            return fail_short(in, err);
    }
    return TD_OK;
}

/* Colours that the file does not list stay black. */
static td_status read_palette(tdi_reader *in, header *h, td_error *err) {
    size_t entry_bytes = h->header_bytes == CORE_HEADER_BYTES ? 3 : 4;
    uint32_t most = 1u << h->bits;
    if (!h->color_count || h->color_count > most)
        h->color_count = most;
    in->at = FILE_HEADER_BYTES + h->header_bytes; /* read_header() has read that far or less */
    if (in->at > in->size || h->color_count * entry_bytes > in->size - in->at)
        return fail_short(in, err);
    h->grey = 1;
    for (uint32_t i = 0; i < h->color_count; i++) {
        const uint8_t *bgr = tdi_read_bytes(in, entry_bytes);
        for (int c = 0; c < 3; c++)
            h->palette[i][c] = bgr[2 - c];
        if (bgr[0] != bgr[1] || bgr[1] != bgr[2])
            h->grey = 0;
    }
    return TD_OK;
}

static void row_from_palette(const header *h, const uint8_t *in, uint8_t *out) {
    uint32_t per_byte = 8 / h->bits, mask = (1u << h->bits) - 1;
    for (int64_t x = 0; x < h->width; x++) {
        uint32_t shift = 8 - h->bits * (uint32_t)(x % per_byte + 1);
        const uint8_t *color = h->palette[(in[x / per_byte] >> shift) & mask];
        for (int c = 0; c < (h->grey ? 1 : 3); c++)
            *out++ = color[c];
    }
}

/* The bits under a mask, stretched to 0..255. */
static uint8_t masked(uint32_t value, uint32_t mask) {
    if (!mask)
        return 0;
    uint64_t low = mask & (~mask + 1);
    uint64_t most = mask / low;
    return (uint8_t)(((value & mask) / low * 255 + most / 2) / most);
}

static void row_from_masks(const header *h, const uint8_t *in, uint8_t *out) {
    size_t bytes = h->bits / 8;
    tdi_reader row = tdi_reader_init(in, (size_t)h->width * bytes);
    for (int64_t x = 0; x < h->width; x++) {
        uint32_t value = (uint32_t)tdi_read_le(&row, bytes);
        for (int c = RED; c <= (h->mask[ALPHA] ? ALPHA : BLUE); c++)
            *out++ = masked(value, h->mask[c]);
    }
}

static void row_from_bgr(const header *h, const uint8_t *in, uint8_t *out) {
    for (int64_t x = 0; x < h->width; x++, in += 3, out += 3)
        for (int c = 0; c < 3; c++)
            out[c] = in[2 - c];
}

td_status tdi_picture_read_bmp(const uint8_t *bytes, size_t size, int64_t pixels_max,
                               td_picture *out, td_error *err) {
    header h;
    memset(&h, 0, sizeof h);
    tdi_reader in = tdi_reader_init(bytes, size);
    TD_TRY(read_header(&in, &h, err));
    if (h.bits <= 8)
        TD_TRY(read_palette(&in, &h, err));

    /* Sides beyond the limit are for tdi_picture_new() to report; the product below cannot overflow
     * either way. */
    uint64_t stride = ((uint64_t)h.width * h.bits + 31) / 32 * 4;
    if (h.width > 0 && h.width <= TD_PICTURE_SIDE_MAX && h.height <= TD_PICTURE_SIDE_MAX &&
        (h.pixels_offset > size || stride * (uint64_t)h.height > size - h.pixels_offset))
        return fail_short(&in, err);

    int channels = h.bits <= 8 && h.grey ? 1 : h.mask[ALPHA] ? 4 : 3;
    td_picture picture;
    TD_TRY(tdi_picture_new(h.width, h.height, channels, pixels_max, &picture, err));
    for (int64_t y = 0; y < h.height; y++) {
        int64_t from = h.bottom_up ? h.height - 1 - y : y;
        const uint8_t *row = bytes + h.pixels_offset + (uint64_t)from * stride;
        uint8_t *to = picture.pixels + (size_t)(y * h.width) * (size_t)channels;
        if (h.bits <= 8)
            row_from_palette(&h, row, to);
        else if (h.bits == 24)
            row_from_bgr(&h, row, to);
        else
            row_from_masks(&h, row, to);
    }
    if (channels == 4)
        tdi_picture_drop_alpha(&picture);
    *out = picture;
    return TD_OK;
}
