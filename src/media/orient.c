/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EXIF orientation (EXIF 2.3, tag 0x0112): where the first row and the first column of the file
 * belong.
 */
#include <string.h>

#include "media/picture.h"

/* A walk over the file's pixels in the order in which the upright picture has them. */
typedef struct walk {
    ptrdiff_t start, step_x, step_y; /* in pixels */
    int swaps;                       /* width and height change places */
} walk;

static walk walk_of(int orientation, ptrdiff_t w, ptrdiff_t h) {
    ptrdiff_t last_column = w - 1, last_row = (h - 1) * w;
    switch (orientation) {
    case 2:
        return (walk){last_column, -1, w, 0};
    case 3:
        return (walk){last_row + last_column, -1, -w, 0};
    case 4:
        return (walk){last_row, 1, -w, 0};
    case 5:
        return (walk){0, w, 1, 1};
    case 6:
        return (walk){last_row, -w, 1, 1};
    case 7:
        return (walk){last_row + last_column, -w, -1, 1};
    case 8:
        return (walk){last_column, w, -1, 1};
    default:
        return (walk){0, 1, w, 0};
    }
}

td_status tdi_picture_orient(td_picture *picture, int orientation, td_error *err) {
    if (orientation < 2 || orientation > 8)
        return TD_OK;
    walk way = walk_of(orientation, picture->width, picture->height);
    td_picture upright;
    TD_TRY(tdi_picture_new(way.swaps ? picture->height : picture->width,
                           way.swaps ? picture->width : picture->height, picture->channels,
                           TD_PICTURE_PIXELS_MAX, &upright, err));
    size_t channels = (size_t)picture->channels;
    uint8_t *out = upright.pixels;
    for (int32_t y = 0; y < upright.height; y++) {
        ptrdiff_t at = way.start + y * way.step_y;
        for (int32_t x = 0; x < upright.width; x++, at += way.step_x, out += channels)
            memcpy(out, picture->pixels + (size_t)at * channels, channels);
    }
    td_picture_clear(picture);
    *picture = upright;
    return TD_OK;
}
