/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the readers of picture files share: allocation within limits, telling kinds apart, dropping
 * transparency, turning. One picture_<kind>.c for each kind wraps its library.
 */
#ifndef TDI_MEDIA_PICTURE_H
#define TDI_MEDIA_PICTURE_H

#include <tandem/picture.h>

#include "base/status.h"

typedef enum tdi_picture_kind {
    TDI_PICTURE_NONE = 0,
    TDI_PICTURE_JPEG,
    TDI_PICTURE_PNG,
    TDI_PICTURE_WEBP,
    TDI_PICTURE_BMP
} tdi_picture_kind;

/* First bytes of a file that tdi_picture_kind_of() wants to see. */
#define TDI_PICTURE_MAGIC_BYTES 12

tdi_picture_kind tdi_picture_kind_of(const uint8_t *bytes, size_t size);

/* td_picture_decode() for a caller who expects no more than `pixels_max` pixels. */
td_status tdi_picture_decode(const uint8_t *bytes, size_t size, int64_t pixels_max, td_picture *out,
                             td_error *err);

/*
 * Room for a picture; the pixels are not set. `channels` may be 2 or 4 for a picture that is still
 * to lose its transparency. TD_LIMIT where a side or the number of pixels is too large, TD_FORMAT
 * where a side is not positive.
 */
td_status tdi_picture_new(int64_t width, int64_t height, int channels, int64_t pixels_max,
                          td_picture *out, td_error *err);

/* Composes a picture of 2 or 4 channels, the last one being opacity, onto black. */
void tdi_picture_drop_alpha(td_picture *picture);

/* Turns and mirrors the picture as an EXIF orientation says; values outside 2..8 leave it as it is.
 */
td_status tdi_picture_orient(td_picture *picture, int orientation, td_error *err);

td_status tdi_picture_read_jpeg(const uint8_t *bytes, size_t size, int64_t pixels_max,
                                td_picture *out, td_error *err);
td_status tdi_picture_read_png(const uint8_t *bytes, size_t size, int64_t pixels_max,
                               td_picture *out, td_error *err);
td_status tdi_picture_read_webp(const uint8_t *bytes, size_t size, int64_t pixels_max,
                                td_picture *out, td_error *err);
td_status tdi_picture_read_bmp(const uint8_t *bytes, size_t size, int64_t pixels_max,
                               td_picture *out, td_error *err);

#endif
