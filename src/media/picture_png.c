/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PNG files by libpng: every colour type, depth and interlacing as 8-bit samples, without gamma
 * correction.
 */
#include <setjmp.h>
#include <string.h>

#include <png.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "media/picture.h"

typedef struct reader {
    png_structp png;
    png_infop info;
    td_status status;
    td_error *err;
    tdi_reader bytes;
    td_picture picture;
} reader;

static void escape_on_error(png_structp png, png_const_charp text) {
    reader *r = png_get_error_ptr(png);
    r->status = tdi_fail_at(r->err, TD_FORMAT, (int64_t)r->bytes.at, "damaged PNG: %s", text);
    png_longjmp(png, 1);
}

static void ignore_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

static void read_bytes(png_structp png, png_bytep out, size_t count) {
    reader *r = png_get_io_ptr(png);
    const uint8_t *in = tdi_read_bytes(&r->bytes, count);
    if (!in)
        png_error(png, "the file is cut short");
    memcpy(out, in, count);
}

/* Asks for 8-bit samples: grey or RGB, with opacity where the file has any. */
static void choose_output(png_structp png, png_infop info) {
    png_set_expand(png);
    png_set_scale_16(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
}

static td_status read_picture(reader *r, int64_t pixels_max) {
    if (setjmp(png_jmpbuf(r->png)))
        return r->status;
    png_set_read_fn(r->png, r, read_bytes);
    png_set_user_limits(r->png, TD_PICTURE_SIDE_MAX, TD_PICTURE_SIDE_MAX);
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_read_info(r->png, r->info);
    int passes = png_get_interlace_type(r->png, r->info) == PNG_INTERLACE_NONE ? 1 : 7;
    choose_output(r->png, r->info);
    TD_TRY(tdi_picture_new(png_get_image_width(r->png, r->info),
                           png_get_image_height(r->png, r->info), png_get_channels(r->png, r->info),
                           pixels_max, &r->picture, r->err));
    size_t stride = (size_t)r->picture.width * (size_t)r->picture.channels;
    for (int pass = 0; pass < passes; pass++)
        for (int32_t y = 0; y < r->picture.height; y++)
            png_read_row(r->png, r->picture.pixels + (size_t)y * stride, NULL);
    png_read_end(r->png, NULL);
    if (r->picture.channels % 2 == 0)
        tdi_picture_drop_alpha(&r->picture);
    return TD_OK;
}

td_status tdi_picture_read_png(const uint8_t *bytes, size_t size, int64_t pixels_max,
                               td_picture *out, td_error *err) {
    reader r;
    memset(&r, 0, sizeof r);
    r.err = err;
    r.bytes = tdi_reader_init(bytes, size);
    r.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, escape_on_error, ignore_warning);
    r.info = r.png ? png_create_info_struct(r.png) : NULL;

    td_status status = r.info ? read_picture(&r, pixels_max) : tdi_fail_memory(err);
    if (status == TD_OK)
        *out = r.picture;
    else
        td_picture_clear(&r.picture);
    png_destroy_read_struct(&r.png, &r.info, NULL);
    return status;
}
