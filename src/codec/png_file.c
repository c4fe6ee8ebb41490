/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PNG by libpng.
 */
#include "codec/png_file.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <png.h>

#include "base/bytes.h"

#define SIGNATURE_BYTES 8
#define CHUNK_BYTES     12 /* of a chunk without its data: length, type, CRC */
#define IHDR_BYTES      13
#define IDAT_BYTES      8192 /* libpng's own, at most, when writing */

static const uint8_t signature[SIGNATURE_BYTES] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

/* Both directions: the bytes, and where libpng goes instead of abort(). */
typedef struct job {
    png_structp png;
    png_infop info;
    jmp_buf back;
    td_status
        status; /* what an error of libpng's own means: memory when writing, damage when reading */
    char message[128];
    tdi_reader in;
    tdi_writer out;
} job;

static void on_error(png_structp png, png_const_charp text) {
    job *j = png_get_error_ptr(png);
    snprintf(j->message, sizeof j->message, "%s", text);
    longjmp(j->back, 1);
}

static int out_of_memory(job *j) {
    j->status = TD_MEMORY;
    snprintf(j->message, sizeof j->message, "out of memory");
    return -1;
}

static void on_warning(png_structp png, png_const_charp text) {
    on_error(png, text);
}

static void on_write(png_structp png, png_bytep data, size_t size) {
    job *j = png_get_io_ptr(png);
    tdi_write_bytes(&j->out, data, size);
    if (j->out.failed) {
        j->status = TD_LIMIT;
        png_error(png, "the room is used up");
    }
}

static void on_flush(png_structp png) {
    (void)png;
}

static void on_read(png_structp png, png_bytep data, size_t size) {
    job *j = png_get_io_ptr(png);
    const uint8_t *p = tdi_read_bytes(&j->in, size);
    if (!p)
        png_error(png, "the picture is cut short");
    memcpy(data, p, size);
}

static int little_endian(void) {
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    return first;
}

static size_t sample_stride(const tdi_png_form *form) {
    return (size_t)form->width * (size_t)form->channels * (form->bits > 8 ? 2 : 1);
}

/* Below 8 bits there is nothing for a filter to predict from (PNG specification, 12.8). */
static void write_picture(job *j, const tdi_png_form *form, int level, const uint8_t *samples) {
    png_set_write_fn(j->png, j, on_write, on_flush);
    png_set_compression_level(j->png, level);
    png_set_filter(j->png, PNG_FILTER_TYPE_BASE,
                   form->bits < 8 ? PNG_FILTER_NONE : PNG_ALL_FILTERS);
    png_set_IHDR(j->png, j->info, (png_uint_32)form->width, (png_uint_32)form->height, form->bits,
                 form->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(j->png, j->info);
    if (form->bits < 8)
        png_set_packing(j->png);
    if (form->bits == 16 && little_endian())
        png_set_swap(j->png);
    size_t stride = sample_stride(form);
    for (int32_t y = 0; y < form->height; y++)
        png_write_row(j->png, samples + (size_t)y * stride);
    png_write_end(j->png, NULL);
}

/* 0, or -1. What libpng jumps back over lives in the caller, so that longjmp() leaves it defined.
 */
static int write_trapped(job *j, const tdi_png_form *form, int level, const uint8_t *samples) {
    if (setjmp(j->back))
        return -1;
    j->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, j, on_error, on_warning);
    j->info = j->png ? png_create_info_struct(j->png) : NULL;
    if (!j->info)
        return out_of_memory(j);
    write_picture(j, form, level, samples);
    return 0;
}

td_status tdi_png_write(const tdi_png_form *form, int level, const void *samples, uint8_t *out,
                        size_t out_bytes, size_t *written, td_error *err) {
    job j;
    memset(&j, 0, sizeof j);
    j.status = TD_MEMORY;
    j.out = tdi_writer_init(out, out_bytes);
    int failed = write_trapped(&j, form, level, samples);
    png_destroy_write_struct(&j.png, &j.info);
    if (failed && j.status == TD_LIMIT)
        return tdi_fail(err, TD_LIMIT, "png: the picture does not fit into %zu bytes", out_bytes);
    if (failed)
        return tdi_fail(err, j.status, "png: %s", j.message);
    *written = j.out.at;
    return TD_OK;
}

/* zlib's deflateBound() for unknown settings, and the chunks around. */
size_t tdi_png_bound(const tdi_png_form *form) {
    size_t row = 1 + ((size_t)form->width * (size_t)form->channels * (size_t)form->bits + 7) / 8;
    size_t data = row * (size_t)form->height;
    data += (data + 7) / 8 + (data + 63) / 64 + 11;
    return SIGNATURE_BYTES + CHUNK_BYTES + IHDR_BYTES + data +
           CHUNK_BYTES * (data / IDAT_BYTES + 1) + CHUNK_BYTES;
}

static uint32_t read_be32(tdi_reader *r) {
    const uint8_t *p = tdi_read_bytes(r, 4);
    return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

static int header_fits(tdi_reader *r, const tdi_png_form *form) {
    uint32_t width = read_be32(r), height = read_be32(r);
    const uint8_t wanted[5] = {(uint8_t)form->bits, form->channels == 1 ? 0 : 2, 0, 0, 0};
    const uint8_t *rest = tdi_read_bytes(r, sizeof wanted);
    return width == (uint32_t)form->width && height == (uint32_t)form->height && rest &&
           memcmp(rest, wanted, sizeof wanted) == 0;
}

/*
 * Signature, an IHDR of the right form, one or more IDAT, IEND, nothing more; CRCs are left to
 * libpng. NULL, or what is wrong with the byte at *offset.
 */
static const char *scan(const tdi_png_form *form, const uint8_t *bytes, size_t count,
                        size_t *offset) {
    tdi_reader r = tdi_reader_init(bytes, count);
    const uint8_t *p = tdi_read_bytes(&r, SIGNATURE_BYTES);
    *offset = 0;
    if (!p || memcmp(p, signature, SIGNATURE_BYTES))
        return "this is no PNG file";
    for (size_t chunk = 0;; chunk++) {
        *offset = r.at;
        uint32_t length = read_be32(&r);
        const uint8_t *type = tdi_read_bytes(&r, 4);
        const uint8_t *data = tdi_read_bytes(&r, length);
        if (!type || !data || !tdi_read_bytes(&r, 4))
            return "the file is cut short";
        if (chunk == 0) {
            tdi_reader header = tdi_reader_init(data, length);
            if (memcmp(type, "IHDR", 4) || length != IHDR_BYTES || !header_fits(&header, form))
                return "the picture has another size or sample format";
        } else if (memcmp(type, "IEND", 4) == 0) {
            if (length || chunk == 1)
                return "the picture has no data";
            *offset = r.at;
            return r.at == count ? NULL : "bytes follow the picture";
        } else if (memcmp(type, "IDAT", 4)) {
            return "the file has a chunk other than IHDR, IDAT and IEND";
        }
    }
}

static void read_picture(job *j, const tdi_png_form *form, uint8_t *samples) {
    png_set_read_fn(j->png, j, on_read);
    png_set_benign_errors(j->png, 0);
    png_set_user_limits(j->png, (png_uint_32)form->width, (png_uint_32)form->height);
    png_read_info(j->png, j->info);
    if (form->bits < 8)
        png_set_packing(j->png);
    if (form->bits == 16 && little_endian())
        png_set_swap(j->png);
    png_read_update_info(j->png, j->info);
    if (png_get_rowbytes(j->png, j->info) != sample_stride(form))
        png_error(j->png, "rows have another length");
    size_t stride = sample_stride(form);
    for (int32_t y = 0; y < form->height; y++)
        png_read_row(j->png, samples + (size_t)y * stride, NULL);
    /* libpng would skip more data without a word. */
    if (tdi_reader_left(&j->in) != CHUNK_BYTES)
        png_error(j->png, "data follow the picture");
    png_read_end(j->png, NULL);
}

static int read_trapped(job *j, const tdi_png_form *form, uint8_t *samples) {
    if (setjmp(j->back))
        return -1;
    j->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, j, on_error, on_warning);
    j->info = j->png ? png_create_info_struct(j->png) : NULL;
    if (!j->info)
        return out_of_memory(j);
    read_picture(j, form, samples);
    return 0;
}

td_status tdi_png_read(const tdi_png_form *form, const uint8_t *bytes, size_t count, void *samples,
                       td_error *err) {
    size_t offset;
    const char *wrong = scan(form, bytes, count, &offset);
    if (wrong)
        return tdi_fail_at(err, TD_FORMAT, (int64_t)offset, "png, byte %zu: %s", offset, wrong);
    job j;
    memset(&j, 0, sizeof j);
    j.status = TD_FORMAT;
    j.in = tdi_reader_init(bytes, count);
    int failed = read_trapped(&j, form, samples);
    png_destroy_read_struct(&j.png, &j.info, NULL);
    return failed ? tdi_fail(err, j.status, "png: %s", j.message) : TD_OK;
}
