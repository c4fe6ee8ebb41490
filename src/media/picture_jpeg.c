/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JPEG files by libjpeg-turbo with its default settings, EXIF orientation by libexif. Files that
 * end early are refused; libjpeg alone would fill the rest with grey.
 */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>
#include <libexif/exif-data.h>

#include "base/memory.h"
#include "media/picture.h"

/* Each scan of a progressive file passes over the whole picture, however few bytes it has. */
#define SCANS_MAX 100

typedef struct reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    td_status status;
    td_error *err;
    td_picture picture;
    int orientation;
    uint8_t *row; /* one row of CMYK */
} reader;

static void escape_on_error(j_common_ptr jpeg) {
    reader *r = jpeg->client_data;
    char text[JMSG_LENGTH_MAX];
    r->errors.format_message(jpeg, text);
    r->status = tdi_fail(r->err, r->errors.msg_code == JERR_OUT_OF_MEMORY ? TD_MEMORY : TD_FORMAT,
                         "damaged or unusual JPEG: %s", text);
    longjmp(r->escape, 1);
}

static void escape_on_missing_data(j_common_ptr jpeg, int level) {
    reader *r = jpeg->client_data;
    if (level >= 0)
        return;
    if (r->errors.msg_code == JWRN_JPEG_EOF || r->errors.msg_code == JWRN_HIT_MARKER) {
        r->status = tdi_fail(r->err, TD_FORMAT,
                             "the JPEG is cut short: part of the picture is "
                             "missing");
        longjmp(r->escape, 1);
    }
}

static void escape_on_many_scans(j_common_ptr jpeg) {
    reader *r = jpeg->client_data;
    if (r->jpeg.input_scan_number > SCANS_MAX) {
        r->status = tdi_fail(r->err, TD_LIMIT, "the JPEG has more than %d scans", SCANS_MAX);
        longjmp(r->escape, 1);
    }
}

static void ignore_message(j_common_ptr jpeg) {
    (void)jpeg;
}

static int orientation_of(const reader *r) {
    static const char signature[6] = "Exif\0";
    int orientation = 1;
    for (jpeg_saved_marker_ptr m = r->jpeg.marker_list; m; m = m->next) {
        if (m->marker != JPEG_APP0 + 1 || m->data_length < sizeof signature ||
            memcmp(m->data, signature, sizeof signature))
            continue;
        ExifData *exif = exif_data_new_from_data(m->data, m->data_length);
        const ExifEntry *entry = exif ? exif_content_get_entry(exif->ifd[EXIF_IFD_0],
                                                               EXIF_TAG_ORIENTATION)
                                      : NULL;
        if (entry && entry->format == EXIF_FORMAT_SHORT && entry->size >= 2)
            orientation = exif_get_short(entry->data, exif_data_get_byte_order(exif));
        exif_data_unref(exif);
        break;
    }
    return orientation;
}

/* Adobe's programs store the complement of the inks and say so with their marker. */
static void rgb_from_cmyk(const uint8_t *cmyk, uint8_t *rgb, size_t count, int complemented) {
    int flip = complemented ? 0 : 255;
    for (size_t i = 0; i < count; i++, cmyk += 4, rgb += 3)
        for (int c = 0; c < 3; c++)
            rgb[c] = (uint8_t)(((cmyk[c] ^ flip) * (cmyk[3] ^ flip) + 127) / 255);
}

static void read_rows(reader *r) {
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    size_t stride = (size_t)r->picture.width * (size_t)r->picture.channels;
    while (jpeg->output_scanline < jpeg->output_height) {
        uint8_t *out = r->picture.pixels + jpeg->output_scanline * stride;
        JSAMPROW row = r->row ? r->row : out;
        jpeg_read_scanlines(jpeg, &row, 1);
        if (r->row)
            rgb_from_cmyk(r->row, out, jpeg->output_width, jpeg->saw_Adobe_marker);
    }
}

static td_status choose_output(reader *r, int64_t pixels_max) {
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    int channels = 3;
    switch (jpeg->jpeg_color_space) {
    case JCS_GRAYSCALE:
        channels = 1;
        jpeg->out_color_space = JCS_GRAYSCALE;
        break;
    case JCS_RGB:
    case JCS_YCbCr:
        jpeg->out_color_space = JCS_RGB;
        break;
    case JCS_CMYK:
    case JCS_YCCK:
        jpeg->out_color_space = JCS_CMYK;
        break;
    default:
        return tdi_fail(r->err, TD_UNSUPPORTED,
                        "the JPEG has %d components of unknown meaning: convert it to RGB",
                        jpeg->num_components);
    }
    TD_TRY(tdi_picture_new(jpeg->image_width, jpeg->image_height, channels, pixels_max, &r->picture,
                           r->err));
    if (jpeg->out_color_space == JCS_CMYK && !(r->row = tdi_malloc((size_t)jpeg->image_width * 4)))
        return tdi_fail_memory(r->err);
    return TD_OK;
}

/* All that libjpeg may leave by longjmp(); what it changes lives in the reader. */
static td_status read_picture(reader *r, const uint8_t *bytes, size_t size, int64_t pixels_max) {
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    if (setjmp(r->escape))
        return r->status;
    jpeg_create_decompress(jpeg);
    jpeg->client_data = r;
    jpeg->progress = &r->progress;
    jpeg_mem_src(jpeg, bytes, (unsigned long)size);
    jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(jpeg, TRUE);
    r->orientation = orientation_of(r);
    TD_TRY(choose_output(r, pixels_max));
    jpeg_start_decompress(jpeg);
    read_rows(r);
    jpeg_finish_decompress(jpeg);
    return tdi_picture_orient(&r->picture, r->orientation, r->err);
}

td_status tdi_picture_read_jpeg(const uint8_t *bytes, size_t size, int64_t pixels_max,
                                td_picture *out, td_error *err) {
    reader r;
    memset(&r, 0, sizeof r);
    r.err = err;
    r.jpeg.err = jpeg_std_error(&r.errors);
    r.jpeg.client_data = &r;
    r.errors.error_exit = escape_on_error;
    r.errors.emit_message = escape_on_missing_data;
    r.errors.output_message = ignore_message;
    r.progress.progress_monitor = escape_on_many_scans;

    td_status status = read_picture(&r, bytes, size, pixels_max);
    if (status == TD_OK)
        *out = r.picture;
    else
        td_picture_clear(&r.picture);
    tdi_free(r.row);
    jpeg_destroy_decompress(&r.jpeg);
    return status;
}
