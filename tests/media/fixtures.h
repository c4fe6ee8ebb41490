/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Picture files of every kind, made by the libraries' own encoders.
 */
#ifndef TDT_FIXTURES_H
#define TDT_FIXTURES_H

#include "support.h"

#include <tandem/picture.h>

typedef struct fixture {
    uint8_t bytes[1 << 16];
    size_t size;
} fixture;

/* A picture of smooth and of sharp parts, no two corners alike. td_picture_clear() it. */
td_picture fixture_picture(int32_t width, int32_t height, int channels);

typedef struct jpeg_options {
    int progressive;
    int orientation; /* 0: no EXIF */
    int big_endian;  /* byte order of the EXIF block */
    int cmyk;        /* 1: inks, 2: Adobe's complemented inks */
    int quality;     /* 0: 90 */
} jpeg_options;

/* Channels 1 or 3; 4 with options->cmyk. */
void fixture_jpeg(fixture *out, const td_picture *picture, const jpeg_options *options);

typedef struct png_options {
    int depth; /* of a sample; 0: 8 */
    int interlaced;
    int palette;     /* samples are indices into a palette of (i, 255 - i, i / 2) */
    int transparent; /* with a palette: entry i has opacity i */
} png_options;

/* Rows as PNG stores them; channels 1..4 for grey, grey + opacity, RGB, RGB + opacity. */
void fixture_png(fixture *out, const uint8_t *rows, int32_t width, int32_t height, int channels,
                 const png_options *options);

/* Lossless; channels 3 or 4. */
void fixture_webp(fixture *out, const td_picture *picture);

/* A BMP with a 40-byte header and no palette: 24 bits a pixel, rows bottom up, or top down. */
void fixture_bmp(fixture *out, const td_picture *picture, int top_down);

void assert_same_picture(const td_picture *a, const td_picture *b);
td_picture decode_ok(const fixture *file);

#endif
