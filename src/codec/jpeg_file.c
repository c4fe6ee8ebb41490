/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JPEG by libjpeg-turbo. A (de)compressor is made for each picture: tables of one picture never
 * serve another, which a kept decompressor would allow to hostile bytes.
 */
#include "codec/jpeg_file.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#define ROWS_AT_ONCE 16

/* Where libjpeg goes instead of exit(). `base` first: libjpeg hands it back. */
typedef struct trap {
    struct jpeg_error_mgr base;
    jmp_buf back;
    td_status status;
    char message[JMSG_LENGTH_MAX];
} trap;

static void on_error(j_common_ptr common) {
    trap *t = (trap *)common->err;
    common->err->format_message(common, t->message);
    if (t->status == TD_OK)
        t->status = common->err->msg_code == JERR_OUT_OF_MEMORY ? TD_MEMORY : TD_FORMAT;
    longjmp(t->back, 1);
}

/* Warnings (negative levels) speak of damaged data; the others are tracing. */
static void on_message(j_common_ptr common, int level) {
    if (level < 0)
        on_error(common);
}

static void on_output(j_common_ptr common) {
    (void)common;
}

static struct jpeg_error_mgr *trap_init(trap *t) {
    memset(t, 0, sizeof *t);
    jpeg_std_error(&t->base);
    t->base.error_exit = on_error;
    t->base.emit_message = on_message;
    t->base.output_message = on_output;
    return &t->base;
}

/*
 * What libjpeg writes, into the caller's bytes. It asks for more room as soon as there is none,
 * needed or not, so it gets one byte more; when that is used, too, the room was too small.
 */
typedef struct destination {
    struct jpeg_destination_mgr base;
    uint8_t *out;
    size_t bytes, written;
    uint8_t spill;
    int spilling;
} destination;

typedef struct writer {
    struct jpeg_compress_struct c;
    trap trap;
    destination to;
} writer;

static void destination_spill(destination *to) {
    to->spilling = 1;
    to->base.next_output_byte = &to->spill;
    to->base.free_in_buffer = 1;
}

static void destination_begin(j_compress_ptr c) {
    destination *to = &((writer *)c->client_data)->to;
    to->base.next_output_byte = to->out;
    to->base.free_in_buffer = to->bytes;
    if (!to->bytes)
        destination_spill(to);
}

static boolean destination_full(j_compress_ptr c) {
    writer *w = c->client_data;
    if (w->to.spilling) {
        w->trap.status = TD_LIMIT;
        on_error((j_common_ptr)c);
    }
    destination_spill(&w->to);
    return TRUE;
}

static void destination_end(j_compress_ptr c) {
    destination *to = &((writer *)c->client_data)->to;
    to->written = to->spilling ? to->bytes : to->bytes - to->base.free_in_buffer;
}

static void write_rows(writer *w, const tdi_jpeg_form *form, const uint8_t *samples) {
    size_t stride = (size_t)form->width * (size_t)form->channels;
    while (w->c.next_scanline < w->c.image_height) {
        JSAMPROW rows[ROWS_AT_ONCE];
        JDIMENSION left = w->c.image_height - w->c.next_scanline;
        JDIMENSION n = left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;
        for (JDIMENSION i = 0; i < n; i++)
            rows[i] = (JSAMPROW)(samples + (w->c.next_scanline + i) * stride);
        jpeg_write_scanlines(&w->c, rows, n);
    }
}

/* 0, or -1 with the trap sprung. What the trap returns over lives in the caller, so that longjmp()
 * leaves it defined. */
static int write_trapped(writer *w, const tdi_jpeg_form *form, int quality,
                         const uint8_t *samples) {
    w->c.err = trap_init(&w->trap);
    if (setjmp(w->trap.back))
        return -1;
    jpeg_create_compress(&w->c);
    w->c.client_data = w;
    w->to.base.init_destination = destination_begin;
    w->to.base.empty_output_buffer = destination_full;
    w->to.base.term_destination = destination_end;
    w->c.dest = &w->to.base;
    w->c.image_width = (JDIMENSION)form->width;
    w->c.image_height = (JDIMENSION)form->height;
    w->c.input_components = form->channels;
    w->c.in_color_space = form->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&w->c);
    jpeg_set_quality(&w->c, quality, TRUE);
    w->c.dct_method = JDCT_ISLOW;
    w->c.optimize_coding = TRUE;
    jpeg_start_compress(&w->c, TRUE);
    write_rows(w, form, samples);
    jpeg_finish_compress(&w->c);
    return 0;
}

td_status tdi_jpeg_write(const tdi_jpeg_form *form, int quality, const uint8_t *samples,
                         uint8_t *out, size_t out_bytes, size_t *written, td_error *err) {
    writer w;
    memset(&w, 0, sizeof w);
    w.to.out = out;
    w.to.bytes = out_bytes;
    int failed = write_trapped(&w, form, quality, samples);
    jpeg_destroy_compress(&w.c);
    if (failed && w.trap.status == TD_LIMIT)
        return tdi_fail(err, TD_LIMIT, "jpeg: the picture does not fit into %zu bytes", out_bytes);
    if (failed)
        return tdi_fail(err, w.trap.status, "jpeg: %s", w.trap.message);
    *written = w.to.written;
    return TD_OK;
}

/*
 * No more than 4 bytes per coded sample: the DCT keeps the sum of squares, so that magnitudes take
 * 8 bits on average at most (samples reach 128), optimized Huffman codes 8 bits more, and byte
 * stuffing at worst doubles that.
 */
size_t tdi_jpeg_bound(const tdi_jpeg_form *form) {
    size_t width = ((size_t)form->width + 15) & ~(size_t)15;
    size_t height = ((size_t)form->height + 15) & ~(size_t)15;
    size_t samples = width * height;
    if (form->channels == 3)
        samples += samples / 2;
    return 4 * samples + 2048;
}

typedef struct reader {
    struct jpeg_decompress_struct d;
    trap trap;
} reader;

static int refuse(reader *r, const char *why) {
    r->trap.status = TD_FORMAT;
    snprintf(r->trap.message, sizeof r->trap.message, "%s", why);
    return -1;
}

/* NULL where the header is of a picture that tdi_jpeg_write() could have written, else what is
 * wrong. */
static const char *unexpected(const reader *r, const tdi_jpeg_form *form) {
    const struct jpeg_decompress_struct *d = &r->d;
    if (d->image_width != (JDIMENSION)form->width || d->image_height != (JDIMENSION)form->height)
        return "the picture has another size";
    if (d->num_components != form->channels || d->data_precision != 8)
        return "the picture has other components";
    if (d->progressive_mode || d->arith_code || d->comps_in_scan != form->channels)
        return "the picture is not baseline in a single scan";
    if (form->channels == 3 && d->jpeg_color_space != JCS_YCbCr)
        return "the picture is not YCbCr";
    for (int i = 0; i < d->num_components; i++) {
        int factor = i == 0 && form->channels == 3 ? 2 : 1;
        if (d->comp_info[i].h_samp_factor != factor || d->comp_info[i].v_samp_factor != factor)
            return "the picture is not subsampled 4:2:0";
    }
    return NULL;
}

static void read_rows(reader *r, const tdi_jpeg_form *form, uint8_t *samples) {
    size_t stride = (size_t)form->width * (size_t)form->channels;
    while (r->d.output_scanline < r->d.output_height) {
        JSAMPROW rows[ROWS_AT_ONCE];
        JDIMENSION left = r->d.output_height - r->d.output_scanline;
        JDIMENSION n = left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;
        for (JDIMENSION i = 0; i < n; i++)
            rows[i] = samples + (r->d.output_scanline + i) * stride;
        jpeg_read_scanlines(&r->d, rows, n);
    }
}

/* 0, or -1 with a message in the trap. */
static int read_trapped(reader *r, const tdi_jpeg_form *form, const uint8_t *bytes, size_t count,
                        uint8_t *samples) {
    r->d.err = trap_init(&r->trap);
    if (setjmp(r->trap.back))
        return -1;
    jpeg_create_decompress(&r->d);
    jpeg_mem_src(&r->d, bytes, (unsigned long)count);
    jpeg_read_header(&r->d, TRUE);
    const char *wrong = unexpected(r, form);
    if (wrong)
        return refuse(r, wrong);
    r->d.out_color_space = form->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    r->d.dct_method = JDCT_ISLOW;
    jpeg_start_decompress(&r->d);
    read_rows(r, form, samples);
    jpeg_finish_decompress(&r->d);
    return r->d.src->bytes_in_buffer ? refuse(r, "bytes follow the picture") : 0;
}

td_status tdi_jpeg_read(const tdi_jpeg_form *form, const uint8_t *bytes, size_t count,
                        uint8_t *samples, td_error *err) {
    reader r;
    memset(&r, 0, sizeof r);
    int failed = read_trapped(&r, form, bytes, count, samples);
    jpeg_destroy_decompress(&r.d);
    return failed ? tdi_fail(err, r.trap.status, "jpeg: %s", r.trap.message) : TD_OK;
}
