/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding JPEG, PNG, WebP and BMP: what comes out, and what damaged files give. */
#include "fixtures.h"

#include <jpeglib.h>

#include "base/file.h"
#include "base/memory.h"
#include "media/picture.h"

static fixture file;

/* A decoder of its own, as plain as libjpeg's example. */
static td_picture decode_by_libjpeg(const uint8_t *bytes, size_t size) {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    td_picture picture;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, bytes, (unsigned long)size);
    jpeg_read_header(&jpeg, TRUE);
    jpeg_start_decompress(&jpeg);
    assert_int_equal(tdi_picture_new(jpeg.output_width, jpeg.output_height, jpeg.output_components,
                                     TD_PICTURE_PIXELS_MAX, &picture, NULL),
                     TD_OK);
    while (jpeg.output_scanline < jpeg.output_height) {
        JSAMPROW row = picture.pixels +
                       (size_t)jpeg.output_scanline * (size_t)(picture.width * picture.channels);
        jpeg_read_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_decompress(&jpeg);
    jpeg_destroy_decompress(&jpeg);
    return picture;
}

static void test_jpeg_equals_libjpeg_in_grey_and_colour(void **state) {
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2)
        for (int progressive = 0; progressive < 2; progressive++) {
            td_picture original = fixture_picture(37, 23, channels);
            fixture_jpeg(&file, &original, &(jpeg_options){.progressive = progressive});
            td_picture got = decode_ok(&file);
            td_picture expected = decode_by_libjpeg(file.bytes, file.size);
            assert_same_picture(&got, &expected);
            td_picture_clear(&original);
            td_picture_clear(&got);
            td_picture_clear(&expected);
        }
}

static void test_photographs_equal_libjpeg(void **state) {
    (void)state;
    static const char *const names[] = {"imagenet/000_n01440764.jpg", "imagenet/006_n01498041.jpg",
                                        "imagenet/020_n01601694.jpg"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *path = test_data(names[i]);
        if (!path)
            skip();
        uint8_t *bytes;
        size_t size;
        td_picture got;
        assert_int_equal(tdi_file_read(path, 1 << 20, &bytes, &size, NULL), TD_OK);
        assert_int_equal(td_picture_decode(bytes, size, &got, NULL), TD_OK);
        td_picture expected = decode_by_libjpeg(bytes, size);
        assert_same_picture(&got, &expected);
        td_picture_clear(&got);
        td_picture_clear(&expected);
        tdi_free(bytes);
    }
}

/* Where EXIF says that the pixel x, y of the upright picture is in the file (w x h). */
static void stored_position(int orientation, int x, int y, int w, int h, int *sx, int *sy) {
    int flip_x = orientation == 2 || orientation == 3,
        flip_y = orientation == 3 || orientation == 4;
    *sx = flip_x ? w - 1 - x : x;
    *sy = flip_y ? h - 1 - y : y;
    if (orientation >= 5) {
        *sx = orientation == 7 || orientation == 8 ? w - 1 - y : y;
        *sy = orientation == 6 || orientation == 7 ? h - 1 - x : x;
    }
}

static void test_every_exif_orientation_is_turned_upright(void **state) {
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2)
        for (int orientation = 0; orientation <= 9; orientation++) {
            td_picture original = fixture_picture(21, 13, channels);
            jpeg_options options = {.orientation = orientation, .big_endian = orientation % 2};
            fixture_jpeg(&file, &original, &options);
            td_picture stored = decode_by_libjpeg(file.bytes, file.size);
            td_picture got = decode_ok(&file);
            int turned = orientation >= 5 && orientation <= 8;
            assert_int_equal(got.width, turned ? stored.height : stored.width);
            assert_int_equal(got.height, turned ? stored.width : stored.height);
            for (int y = 0; y < got.height; y++)
                for (int x = 0; x < got.width; x++) {
                    int sx, sy;
                    stored_position(orientation > 8 ? 1 : orientation, x, y, stored.width,
                                    stored.height, &sx, &sy);
                    assert_memory_equal(got.pixels + (y * got.width + x) * channels,
                                        stored.pixels + (sy * stored.width + sx) * channels,
                                        (size_t)channels);
                }
            td_picture_clear(&original);
            td_picture_clear(&stored);
            td_picture_clear(&got);
        }
}

static void test_cmyk_jpeg_becomes_rgb_with_and_without_adobe_marker(void **state) {
    (void)state;
    td_picture inks = fixture_picture(16, 16, 4);
    for (int i = 0; i < 256; i++)
        memcpy(inks.pixels + 4 * i, (uint8_t[]){255, 128, 0, 51}, 4);
    fixture_jpeg(&file, &inks, &(jpeg_options){.cmyk = 1, .quality = 100});
    td_picture plain = decode_ok(&file);
    fixture_jpeg(&file, &inks, &(jpeg_options){.cmyk = 2, .quality = 100});
    td_picture adobe = decode_ok(&file);
    assert_int_equal(plain.channels, 3);
    static const int plain_expected[] = {0, 102, 204}, adobe_expected[] = {51, 26, 0};
    for (int c = 0; c < 3; c++) {
        assert_true(abs(plain.pixels[c] - plain_expected[c]) <= 2);
        assert_true(abs(adobe.pixels[c] - adobe_expected[c]) <= 2);
    }
    td_picture_clear(&inks);
    td_picture_clear(&plain);
    td_picture_clear(&adobe);
}

static void test_png_of_every_kind_becomes_8_bit_grey_or_rgb(void **state) {
    (void)state;
    enum { W = 13, H = 9 };
    uint8_t rows[W * H * 8];
    for (size_t i = 0; i < sizeof rows; i++)
        rows[i] = (uint8_t)(i * 37 + i / 11);
    for (int interlaced = 0; interlaced < 2; interlaced++) {
        png_options options = {.interlaced = interlaced};
        for (int channels = 1; channels <= 4; channels++) {
            fixture_png(&file, rows, W, H, channels, &options);
            td_picture got = decode_ok(&file);
            int colors = channels <= 2 ? 1 : 3;
            assert_int_equal(got.channels, colors);
            for (int i = 0; i < W * H; i++)
                for (int c = 0; c < colors; c++) {
                    const uint8_t *in = rows + i * channels;
                    int alpha = channels == colors ? 255 : in[colors];
                    assert_int_equal(got.pixels[i * colors + c], (in[c] * alpha + 127) / 255);
                }
            td_picture_clear(&got);
        }
        options.depth = 16;
        fixture_png(&file, rows, W, H, 3, &options);
        td_picture deep = decode_ok(&file);
        for (int i = 0; i < W * H * 3; i++)
            assert_int_equal(deep.pixels[i],
                             ((rows[2 * i] << 8 | rows[2 * i + 1]) * 255 + 32895) >> 16);
        td_picture_clear(&deep);
        options.depth = 2;
        fixture_png(&file, rows, W, H, 1, &options);
        td_picture shallow = decode_ok(&file);
        assert_int_equal(shallow.channels, 1);
        assert_int_equal(shallow.pixels[1], (rows[0] >> 4 & 3) * 85);
        td_picture_clear(&shallow);
    }
}

static void test_png_palette_and_its_transparency(void **state) {
    (void)state;
    const uint8_t rows[4] = {0, 51, 102, 255};
    fixture_png(&file, rows, 2, 2, 1, &(png_options){.palette = 1});
    td_picture opaque = decode_ok(&file);
    assert_int_equal(opaque.channels, 3);
    assert_memory_equal(opaque.pixels + 3, ((uint8_t[]){51, 204, 25}), 3);
    fixture_png(&file, rows, 2, 2, 1, &(png_options){.palette = 1, .transparent = 1});
    td_picture faint = decode_ok(&file);
    assert_memory_equal(faint.pixels, ((uint8_t[]){0, 0, 0}), 3);
    assert_memory_equal(faint.pixels + 3, ((uint8_t[]){10, 41, 5}), 3);
    td_picture_clear(&opaque);
    td_picture_clear(&faint);
}

static void test_lossless_webp_gives_the_pixels_back(void **state) {
    (void)state;
    td_picture original = fixture_picture(31, 17, 3);
    fixture_webp(&file, &original);
    td_picture got = decode_ok(&file);
    assert_same_picture(&original, &got);
    td_picture_clear(&original);
    td_picture_clear(&got);

    td_picture translucent = fixture_picture(31, 17, 4);
    for (int i = 0; i < 31 * 17; i++)
        translucent.pixels[4 * i + 3] = i % 2 ? 255 : 128;
    fixture_webp(&file, &translucent);
    got = decode_ok(&file);
    assert_int_equal(got.channels, 3);
    for (int c = 0; c < 3; c++) {
        assert_int_equal(got.pixels[c], (translucent.pixels[c] * 128 + 127) / 255);
        assert_int_equal(got.pixels[3 + c], translucent.pixels[4 + c]);
    }
    td_picture_clear(&translucent);
    td_picture_clear(&got);
}

static void test_bmp_in_both_row_orders(void **state) {
    (void)state;
    for (int top_down = 0; top_down < 2; top_down++) {
        td_picture original = fixture_picture(11, 7, 3);
        fixture_bmp(&file, &original, top_down);
        td_picture got = decode_ok(&file);
        assert_same_picture(&original, &got);
        td_picture_clear(&original);
        td_picture_clear(&got);
    }
}

/* Every way in which a BMP stores 2 x 1 pixels, and what they are. */
static void test_bmp_depths_palettes_and_masks(void **state) {
    (void)state;
    static const struct {
        const char *what;
        uint8_t header_bytes, bits, compression, colors;
        uint8_t after[24]; /* masks, palette, row */
        uint8_t after_size, row_at;
        int channels;
        uint8_t pixels[6];
    } cases[] = {
        {"1 bit", 40, 1, 0, 2, {1, 2, 3, 0, 9, 8, 7, 0, 0x40}, 12, 8, 3, {3, 2, 1, 7, 8, 9}},
        {"4 bits, grey", 40, 4, 0, 2, {0, 0, 0, 0, 9, 9, 9, 0, 0x10}, 12, 8, 1, {9, 0}},
        {"8 bits, colour not listed", 40, 8, 0, 1, {1, 2, 3, 0, 0, 7}, 8, 4, 3, {3, 2, 1, 0, 0, 0}},
        {"8 bits, old header", 12, 1, 0, 0, {1, 2, 3, 9, 8, 7, 0x80}, 10, 6, 3, {7, 8, 9, 3, 2, 1}},
        {"16 bits", 40, 16, 0, 0, {0x1f, 0x00, 0xe0, 0x03}, 4, 0, 3, {0, 0, 255, 0, 255, 0}},
        {"16 bits, 5-6-5",
         40,
         16,
         3,
         0,
         {0, 0xf8, 0, 0, 0xe0, 7, 0, 0, 0x1f, 0, 0, 0, 0x00, 0xf8, 0xe0, 0x07},
         16,
         12,
         3,
         {255, 0, 0, 0, 255, 0}},
        {"32 bits, last byte unused",
         40,
         32,
         0,
         0,
         {1, 2, 3, 99, 4, 5, 6, 0},
         8,
         0,
         3,
         {3, 2, 1, 6, 5, 4}},
        {"32 bits with opacity",
         56,
         32,
         3,
         0,
         {0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0, 0, 0, 0, 255, 10, 20, 30, 255, 10, 20, 30, 0},
         24,
         16,
         3,
         {30, 20, 10, 0, 0, 0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t after = cases[i].header_bytes == 56 ? 54 : 14u + cases[i].header_bytes;
        memset(&file, 0, sizeof file);
        memcpy(file.bytes, "BM", 2);
        file.bytes[10] = (uint8_t)(after + cases[i].row_at);
        file.bytes[14] = cases[i].header_bytes;
        file.bytes[18] = 2;
        if (cases[i].header_bytes == 12) {
            memcpy(file.bytes + 20, (uint8_t[]){1, 0, 1, 0, cases[i].bits}, 5);
        } else {
            file.bytes[22] = 1;
            file.bytes[26] = 1;
            file.bytes[28] = cases[i].bits;
            file.bytes[30] = cases[i].compression;
            file.bytes[46] = cases[i].colors;
        }
        memcpy(file.bytes + after, cases[i].after, cases[i].after_size);
        file.size = after + cases[i].after_size;
        print_message("%s\n", cases[i].what);
        td_picture got = decode_ok(&file);
        assert_int_equal(got.channels, cases[i].channels);
        assert_memory_equal(got.pixels, cases[i].pixels, (size_t)(2 * cases[i].channels));
        td_picture_clear(&got);
    }
}

static void test_run_length_bmp_is_refused_with_a_remedy(void **state) {
    (void)state;
    td_picture original = fixture_picture(4, 4, 3), got;
    td_error err = {0};
    fixture_bmp(&file, &original, 0);
    file.bytes[30] = 1;
    assert_int_equal(td_picture_decode(file.bytes, file.size, &got, &err), TD_UNSUPPORTED);
    assert_non_null(strstr(err.message, "PNG"));
    td_picture_clear(&original);
}

static void assert_no_prefix_decodes(const char *what) {
    for (size_t size = 0; size < file.size; size++) {
        uint8_t *exact = malloc(size + !size);
        td_picture picture = {0};
        td_error err = {0};
        memcpy(exact, file.bytes, size);
        td_status status = td_picture_decode(exact, size, &picture, &err);
        free(exact);
        if (status == TD_OK)
            fail_msg("%s: the first %zu of %zu bytes decode", what, size, file.size);
        assert_null(picture.pixels);
        assert_int_equal(err.status, status);
        assert_true(err.message[0]);
    }
}

static void test_every_truncation_is_refused(void **state) {
    (void)state;
    td_picture rgb = fixture_picture(19, 14, 3), rgba = fixture_picture(19, 14, 4);
    fixture_jpeg(&file, &rgb, &(jpeg_options){.orientation = 6});
    assert_no_prefix_decodes("JPEG");
    fixture_jpeg(&file, &rgb, &(jpeg_options){.progressive = 1});
    assert_no_prefix_decodes("progressive JPEG");
    fixture_jpeg(&file, &rgba, &(jpeg_options){.cmyk = 2});
    assert_no_prefix_decodes("CMYK JPEG");
    fixture_png(&file, rgb.pixels, 19, 14, 3, &(png_options){0});
    assert_no_prefix_decodes("PNG");
    fixture_png(&file, rgba.pixels, 19, 14, 4, &(png_options){.interlaced = 1});
    assert_no_prefix_decodes("interlaced PNG");
    fixture_webp(&file, &rgba);
    assert_no_prefix_decodes("WebP");
    fixture_bmp(&file, &rgb, 0);
    assert_no_prefix_decodes("BMP");
    td_picture_clear(&rgb);
    td_picture_clear(&rgba);
}

static void test_flipped_bits_never_crash(void **state) {
    (void)state;
    td_picture rgb = fixture_picture(19, 14, 3);
    for (int kind = 0; kind < 4; kind++) {
        if (kind == 0)
            fixture_jpeg(&file, &rgb, &(jpeg_options){.progressive = 1, .orientation = 3});
        else if (kind == 1)
            fixture_png(&file, rgb.pixels, 19, 14, 3, &(png_options){0});
        else if (kind == 2)
            fixture_webp(&file, &rgb);
        else
            fixture_bmp(&file, &rgb, 0);
        for (size_t at = 0; at < file.size * 8; at += 3) {
            td_picture picture = {0};
            file.bytes[at / 8] ^= (uint8_t)(1 << at % 8);
            tdi_picture_decode(file.bytes, file.size, 1 << 20, &picture, NULL);
            td_picture_clear(&picture);
            file.bytes[at / 8] ^= (uint8_t)(1 << at % 8);
        }
    }
    td_picture_clear(&rgb);
}

static void put_be(uint8_t *at, uint32_t value, int bytes) {
    for (int i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
}

static uint32_t png_crc(const uint8_t *bytes, size_t size) {
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void test_hostile_dimensions_are_refused_before_allocation(void **state) {
    (void)state;
    td_picture rgb = fixture_picture(19, 14, 3), picture;
    td_error err = {0};

    fixture_jpeg(&file, &rgb, &(jpeg_options){0});
    for (size_t i = 0; i + 8 < file.size; i++)
        if (file.bytes[i] == 0xff && file.bytes[i + 1] == 0xc0) {
            put_be(file.bytes + i + 5, 65000, 2);
            put_be(file.bytes + i + 7, 65000, 2);
        }
    assert_int_equal(td_picture_decode(file.bytes, file.size, &picture, &err), TD_LIMIT);
    assert_non_null(strstr(err.message, "65000 x 65000"));

    fixture_png(&file, rgb.pixels, 19, 14, 3, &(png_options){0});
    put_be(file.bytes + 16, 32768, 4);
    put_be(file.bytes + 20, 32768, 4);
    put_be(file.bytes + 29, png_crc(file.bytes + 12, 17), 4);
    assert_int_equal(td_picture_decode(file.bytes, file.size, &picture, &err), TD_LIMIT);
    assert_non_null(strstr(err.message, "32768 x 32768"));

    fixture_bmp(&file, &rgb, 0);
    memset(file.bytes + 18, 0x7f, 8);
    assert_int_equal(td_picture_decode(file.bytes, file.size, &picture, &err), TD_LIMIT);
    memset(file.bytes + 18, 0x80, 8);
    file.bytes[25] = 0;
    assert_int_equal(td_picture_decode(file.bytes, file.size, &picture, &err), TD_FORMAT);
    memcpy(file.bytes + 18, (uint8_t[]){19, 0, 0, 0, 0, 0, 0, 0x80}, 8);
    assert_int_equal(td_picture_decode(file.bytes, file.size, &picture, &err), TD_LIMIT);

    fixture_webp(&file, &rgb);
    assert_int_equal(tdi_picture_decode(file.bytes, file.size, 100, &picture, &err), TD_LIMIT);
    td_picture_clear(&rgb);
}

static void test_other_bytes_are_no_picture(void **state) {
    (void)state;
    td_picture picture;
    td_error err = {0};
    assert_int_equal(td_picture_decode((const uint8_t *)"hello", 5, &picture, &err), TD_FORMAT);
    assert_non_null(strstr(err.message, "JPEG, PNG, WebP or BMP"));
    assert_int_equal(td_picture_decode(NULL, 5, &picture, &err), TD_ARGUMENT);
    td_picture_clear(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jpeg_equals_libjpeg_in_grey_and_colour),
        cmocka_unit_test(test_photographs_equal_libjpeg),
        cmocka_unit_test(test_every_exif_orientation_is_turned_upright),
        cmocka_unit_test(test_cmyk_jpeg_becomes_rgb_with_and_without_adobe_marker),
        cmocka_unit_test(test_png_of_every_kind_becomes_8_bit_grey_or_rgb),
        cmocka_unit_test(test_png_palette_and_its_transparency),
        cmocka_unit_test(test_lossless_webp_gives_the_pixels_back),
        cmocka_unit_test(test_bmp_in_both_row_orders),
        cmocka_unit_test(test_bmp_depths_palettes_and_masks),
        cmocka_unit_test(test_run_length_bmp_is_refused_with_a_remedy),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_flipped_bits_never_crash),
        cmocka_unit_test(test_hostile_dimensions_are_refused_before_allocation),
        cmocka_unit_test(test_other_bytes_are_no_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
