/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libjpeg-turbo wrapped once: 8-bit pictures of known size to baseline JPEG and back. Reading
 * trusts nothing: size and form are checked before a sample is decoded, and whatever libjpeg warns
 * of is an error.
 */
#ifndef TDI_CODEC_JPEG_FILE_H
#define TDI_CODEC_JPEG_FILE_H

#include "base/status.h"

#define TDI_JPEG_SIDE_MAX 65500

/* Rows without gaps. Channels: 1 (grey) or 3 (RGB; sent as YCbCr 4:2:0). */
typedef struct tdi_jpeg_form {
    int32_t width, height, channels;
} tdi_jpeg_form;

size_t tdi_jpeg_bound(const tdi_jpeg_form *form);
/* quality: 1..100. TD_LIMIT where out_bytes does not suffice. */
td_status tdi_jpeg_write(const tdi_jpeg_form *form, int quality, const uint8_t *samples,
                         uint8_t *out, size_t out_bytes, size_t *written, td_error *err);
td_status tdi_jpeg_read(const tdi_jpeg_form *form, const uint8_t *bytes, size_t count,
                        uint8_t *samples, td_error *err);

#endif
