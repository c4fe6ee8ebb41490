/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encoding the pictures that tests decode.
 */
#include "fixtures.h"

#include <jpeglib.h>
#include <png.h>
#include <webp/encode.h>

#include "base/bytes.h"
#include "media/picture.h"

td_picture fixture_picture(int32_t width, int32_t height, int channels) {
    td_picture picture;
    assert_int_equal(
        tdi_picture_new(width, height, channels, TD_PICTURE_PIXELS_MAX, &picture, NULL), TD_OK);
    uint8_t *out = picture.pixels;
    for (int32_t y = 0; y < height; y++)
        for (int32_t x = 0; x < width; x++)
            for (int c = 0; c < channels; c++) {
                int smooth = (x * 160 / width + y * 60 / height * (c + 1)) % 256;
                *out++ = (uint8_t)((x / 3 + y / 5) % 4 ? smooth : 255 - smooth / (c + 1));
            }
    return picture;
}

static void append(fixture *out, const void *bytes, size_t size) {
    assert_true(size <= sizeof out->bytes - out->size);
    memcpy(out->bytes + out->size, bytes, size);
    out->size += size;
}

static void write_exif(struct jpeg_compress_struct *jpeg, int orientation, int big_endian) {
    static const uint8_t little[] = {'E',  'x', 'i', 'f', 0, 0, 'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0,
                                     0x12, 1,   3,   0,   1, 0, 0,   0,   0,  0, 0, 0, 0, 0, 0, 0};
    static const uint8_t big[] = {'E', 'x',  'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1,
                                  1,   0x12, 0,   3,   0, 0, 0,   1,   0, 0,  0, 0, 0, 0, 0, 0};
    uint8_t block[sizeof little];
    memcpy(block, big_endian ? big : little, sizeof block);
    block[big_endian ? 25 : 24] = (uint8_t)orientation;
    jpeg_write_marker(jpeg, JPEG_APP0 + 1, block, sizeof block);
}

void fixture_jpeg(fixture *out, const td_picture *picture, const jpeg_options *options) {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    unsigned long size = 0;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, &size);
    jpeg.image_width = (JDIMENSION)picture->width;
    jpeg.image_height = (JDIMENSION)picture->height;
    jpeg.input_components = picture->channels;
    jpeg.in_color_space = picture->channels == 1   ? JCS_GRAYSCALE
                          : picture->channels == 4 ? JCS_CMYK
                                                   : JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, options->quality ? options->quality : 90, TRUE);
    if (options->progressive)
        jpeg_simple_progression(&jpeg);
    if (options->cmyk)
        jpeg.write_Adobe_marker = options->cmyk == 2;
    jpeg_start_compress(&jpeg, TRUE);
    if (options->orientation)
        write_exif(&jpeg, options->orientation, options->big_endian);
    while (jpeg.next_scanline < jpeg.image_height) {
        JSAMPROW row = picture->pixels +
                       (size_t)jpeg.next_scanline * (size_t)(picture->width * picture->channels);
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    out->size = 0;
    append(out, bytes, size);
    free(bytes);
}

static void png_append(png_structp png, png_bytep bytes, size_t size) {
    append(png_get_io_ptr(png), bytes, size);
}

static void png_flush_nothing(png_structp png) {
    (void)png;
}

static void write_palette(png_structp png, png_infop info, const png_options *options) {
    png_color palette[256];
    png_byte opacity[256];
    int count = 1 << (options->depth ? options->depth : 8);
    for (int i = 0; i < count; i++) {
        palette[i] = (png_color){(png_byte)i, (png_byte)(255 - i), (png_byte)(i / 2)};
        opacity[i] = (png_byte)i;
    }
    png_set_PLTE(png, info, palette, count);
    if (options->transparent)
        png_set_tRNS(png, info, opacity, count, NULL);
}

void fixture_png(fixture *out, const uint8_t *rows, int32_t width, int32_t height, int channels,
                 const png_options *options) {
    static const int color_types[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA,
                                      PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};
    int depth = options->depth ? options->depth : 8;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    out->size = 0;
    png_set_write_fn(png, out, png_append, png_flush_nothing);
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, depth,
                 options->palette ? PNG_COLOR_TYPE_PALETTE : color_types[channels - 1],
                 options->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (options->palette)
        write_palette(png, info, options);
    png_write_info(png, info);
    size_t stride = ((size_t)width * (size_t)(channels * depth) + 7) / 8;
    int passes = png_set_interlace_handling(png);
    for (int pass = 0; pass < passes; pass++)
        for (int32_t y = 0; y < height; y++)
            png_write_row(png, rows + (size_t)y * stride);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
}

void fixture_webp(fixture *out, const td_picture *picture) {
    uint8_t *bytes;
    size_t size = picture->channels == 4
                      ? WebPEncodeLosslessRGBA(picture->pixels, picture->width, picture->height,
                                               picture->width * 4, &bytes)
                      : WebPEncodeLosslessRGB(picture->pixels, picture->width, picture->height,
                                              picture->width * 3, &bytes);
    assert_true(size > 0);
    out->size = 0;
    append(out, bytes, size);
    WebPFree(bytes);
}

void fixture_bmp(fixture *out, const td_picture *picture, int top_down) {
    size_t stride = ((size_t)picture->width * 3 + 3) / 4 * 4;
    tdi_writer w = tdi_writer_init(out->bytes, sizeof out->bytes);
    tdi_write_bytes(&w, "BM", 2);
    tdi_write_u32(&w, (uint32_t)(54 + stride * (size_t)picture->height));
    tdi_write_u32(&w, 0);
    tdi_write_u32(&w, 54);
    tdi_write_u32(&w, 40);
    tdi_write_u32(&w, (uint32_t)picture->width);
    tdi_write_u32(&w, (uint32_t)(top_down ? -picture->height : picture->height));
    tdi_write_u16(&w, 1);
    tdi_write_u16(&w, 24);
    for (int i = 0; i < 6; i++)
        tdi_write_u32(&w, 0);
    for (int32_t y = 0; y < picture->height; y++) {
        int32_t from = top_down ? y : picture->height - 1 - y;
        const uint8_t *in = picture->pixels + (size_t)from * (size_t)(picture->width * 3);
        for (int32_t x = 0; x < picture->width; x++, in += 3)
            for (int c = 2; c >= 0; c--)
                tdi_write_u8(&w, in[c]);
        for (size_t pad = (size_t)picture->width * 3; pad < stride; pad++)
            tdi_write_u8(&w, 0);
    }
    assert_false(w.failed);
    out->size = w.at;
}

void assert_same_picture(const td_picture *a, const td_picture *b) {
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_int_equal(a->channels, b->channels);
    assert_memory_equal(a->pixels, b->pixels, (size_t)(a->width * a->height * a->channels));
}

td_picture decode_ok(const fixture *file) {
    td_picture picture;
    td_error err = {0};
    td_status status = td_picture_decode(file->bytes, file->size, &picture, &err);
    if (status != TD_OK)
        fail_msg("%s", err.message);
    return picture;
}
