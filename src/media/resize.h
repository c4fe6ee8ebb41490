/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Antialiased resizing of 8-bit pictures.
 */
#ifndef TDI_MEDIA_RESIZE_H
#define TDI_MEDIA_RESIZE_H

#include <tandem/picture.h>

/* A rectangle of a picture. */
typedef struct tdi_area {
    int32_t left, top, width, height;
} tdi_area;

/*
 * Resizes `area` of `picture` to width x height. An area that has that size already is copied as it
 * is. TD_LIMIT where the result, or the picture half way to it, has more than TD_PICTURE_PIXELS_MAX
 * pixels.
 */
td_status tdi_picture_resize(const td_picture *picture, const tdi_area *area, int32_t width,
                             int32_t height, td_picture *out, td_error *err);

#endif
