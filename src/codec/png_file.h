/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpng wrapped once: pictures of known size and depth to PNG and back. Reading accepts only the
 * chunks that writing makes (IHDR, IDAT, IEND), checks the header before libpng sees it, and takes
 * every warning for an error.
 */
#ifndef TDI_CODEC_PNG_FILE_H
#define TDI_CODEC_PNG_FILE_H

#include "base/status.h"

#define TDI_PNG_SIDE_MAX 1000000

/* Samples without gaps: one per byte up to 8 bits, uint16_t above. Channels: 1 (grey) or 3 (RGB, 8
 * bits). */
typedef struct tdi_png_form {
    int32_t width, height, channels;
    int bits; /* 1, 2, 4, 8 or 16 */
} tdi_png_form;

size_t tdi_png_bound(const tdi_png_form *form);
/* level: 0..9, zlib's. TD_LIMIT where out_bytes does not suffice. */
td_status tdi_png_write(const tdi_png_form *form, int level, const void *samples, uint8_t *out,
                        size_t out_bytes, size_t *written, td_error *err);
td_status tdi_png_read(const tdi_png_form *form, const uint8_t *bytes, size_t count, void *samples,
                       td_error *err);

#endif
