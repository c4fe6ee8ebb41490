/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures in memory: limits, allocation, transparency, and choosing the reader for a file's bytes.
 */
#include "media/picture.h"

#include <string.h>

#include "base/memory.h"

void td_picture_clear(td_picture *picture) {
    if (!picture)
        return;
    tdi_free(picture->pixels);
    memset(picture, 0, sizeof *picture);
}

td_status tdi_picture_new(int64_t width, int64_t height, int channels, int64_t pixels_max,
                          td_picture *out, td_error *err) {
    if (width < 1 || height < 1)
        return tdi_fail(err, TD_FORMAT, "the picture has no pixels (%lld x %lld)", (long long)width,
                        (long long)height);
    if (width > TD_PICTURE_SIDE_MAX || height > TD_PICTURE_SIDE_MAX || width > pixels_max / height)
        return tdi_fail(err, TD_LIMIT,
                        "the picture is %lld x %lld; at most %d on a side and %lld pixels in all "
                        "are accepted: make it smaller",
                        (long long)width, (long long)height, TD_PICTURE_SIDE_MAX,
                        (long long)pixels_max);
    uint8_t *pixels = tdi_malloc((size_t)width * (size_t)height * (size_t)channels);
    if (!pixels)
        return tdi_fail_memory(err);
    *out = (td_picture){(int32_t)width, (int32_t)height, channels, pixels};
    return TD_OK;
}

void tdi_picture_drop_alpha(td_picture *picture) {
    int colors = picture->channels - 1;
    size_t count = (size_t)picture->width * (size_t)picture->height;
    const uint8_t *in = picture->pixels;
    uint8_t *out = picture->pixels;
    for (size_t i = 0; i < count; i++, in += colors + 1)
        for (int c = 0, alpha = in[colors]; c < colors; c++)
            *out++ = (uint8_t)((in[c] * alpha + 127) / 255);
    picture->channels = colors;
    uint8_t *shrunk = tdi_realloc(picture->pixels, count * (size_t)colors);
    if (shrunk)
        picture->pixels = shrunk;
}

tdi_picture_kind tdi_picture_kind_of(const uint8_t *bytes, size_t size) {
    if (size >= 3 && !memcmp(bytes, "\xff\xd8\xff", 3))
        return TDI_PICTURE_JPEG;
    if (size >= 8 && !memcmp(bytes, "\x89PNG\r\n\x1a\n", 8))
        return TDI_PICTURE_PNG;
    if (size >= 12 && !memcmp(bytes, "RIFF", 4) && !memcmp(bytes + 8, "WEBP", 4))
        return TDI_PICTURE_WEBP;
    if (size >= 2 && !memcmp(bytes, "BM", 2))
        return TDI_PICTURE_BMP;
    return TDI_PICTURE_NONE;
}

td_status tdi_picture_decode(const uint8_t *bytes, size_t size, int64_t pixels_max, td_picture *out,
                             td_error *err) {
    switch (tdi_picture_kind_of(bytes, size)) {
    case TDI_PICTURE_JPEG:
        return tdi_picture_read_jpeg(bytes, size, pixels_max, out, err);
    case TDI_PICTURE_PNG:
        return tdi_picture_read_png(bytes, size, pixels_max, out, err);
    case TDI_PICTURE_WEBP:
        return tdi_picture_read_webp(bytes, size, pixels_max, out, err);
    case TDI_PICTURE_BMP:
        return tdi_picture_read_bmp(bytes, size, pixels_max, out, err);
    case TDI_PICTURE_NONE:
        break;
    }
    return tdi_fail_at(err, TD_FORMAT, 0, "not a picture: give a JPEG, PNG, WebP or BMP file");
}

td_status td_picture_decode(const uint8_t *bytes, size_t bytes_count, td_picture *out,
                            td_error *err) {
    if (!out || (!bytes && bytes_count))
        return tdi_fail(err, TD_ARGUMENT,
                        "td_picture_decode() needs bytes and a place to put the "
                        "picture");
    return tdi_picture_decode(bytes, bytes_count, TD_PICTURE_PIXELS_MAX, out, err);
}
