/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures, where they come from, and the recipe that turns one into a network's input.
 */
#ifndef TANDEM_PICTURE_H
#define TANDEM_PICTURE_H

#include <tandem/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An 8-bit picture, rows top to bottom, samples interleaved (HWC), no padding between rows. */
typedef struct td_picture {
    int32_t width, height;
    int32_t channels; /* 1: grey; 3: red, green, blue */
    uint8_t *pixels;  /* height * width * channels bytes; td_picture_clear() frees them */
} td_picture;

/* Largest width or height, and largest number of pixels, that any reader accepts. */
#define TD_PICTURE_SIDE_MAX   32768
#define TD_PICTURE_PIXELS_MAX (64 * 1024 * 1024)

/* Frees the pixels and zeroes the picture. */
TD_API void td_picture_clear(td_picture *picture);

/*
 * Decodes a JPEG (EXIF orientation applied), PNG, WebP or BMP file held in memory; the kind is told
 * from its first bytes. Grey files give 1 channel, all others 3; transparency is dropped onto
 * black. On success the caller owns out->pixels. TD_FORMAT, TD_UNSUPPORTED, TD_LIMIT or TD_MEMORY.
 * Thread-safe.
 */
TD_API td_status td_picture_decode(const uint8_t *bytes, size_t bytes_count, td_picture *out,
                                   td_error *err);

/*
 * Pictures by number: a picture file, a folder of picture files (sorted by name), a folder with an
 * `index.csv` (header `file,class`), or a file (or folder of files) of CIFAR binary records (.bin:
 * 1 label byte, then 1024 bytes each of R, G and B).
 */
typedef struct td_source td_source;

typedef struct td_source_item {
    char
        name[256]; /* file name, or "file.bin#17" for record 17 (from 0); control characters as ? */
    int32_t label; /* class index, or -1 where the source has none */
} td_source_item;

/*
 * Opens one or several paths as one list, in the order given. Lists files, decodes nothing. An
 * empty folder is TD_NOT_FOUND, a file that is no picture is TD_FORMAT: `err` names it.
 */
TD_API td_status td_source_open(const char *const *paths, size_t path_count, td_source **out,
                                td_error *err);
TD_API void td_source_close(td_source *source);

/* Narrows the list to pictures whose index modulo `n` is `k`. TD_ARGUMENT unless 0 <= k < n and
 * some are left. */
TD_API td_status td_source_subset(td_source *source, uint32_t k, uint32_t n, td_error *err);
/* Narrows the list to `limit` evenly spaced pictures; no effect where there are not more than that.
 * 0: no limit. */
TD_API td_status td_source_limit(td_source *source, size_t limit, td_error *err);

TD_API size_t td_source_count(const td_source *source);
/* Whether every picture of the list has a label. */
TD_API int td_source_has_labels(const td_source *source);

/*
 * Reads and decodes picture `index`. `item` may be NULL; it is set even where the picture cannot be
 * read. The caller owns out->pixels on success. Thread-safe: several threads may read from one
 * source.
 */
TD_API td_status td_source_read(const td_source *source, size_t index, td_picture *out,
                                td_source_item *item, td_error *err);

/* Order of the colour channels of a network's input. */
typedef enum td_color { TD_COLOR_RGB = 0, TD_COLOR_BGR = 1, TD_COLOR_GRAY = 2 } td_color;

/* How a picture is fitted to the input's size. */
typedef enum td_crop {
    TD_CROP_CENTER =
        0, /* largest centred part of the input's aspect ratio, then antialiased resize */
    TD_CROP_STRETCH = 1 /* whole picture, aspect ratio not kept */
} td_crop;

/*
 * The input recipe: value = (pixel * scale - mean[c]) / std[c], c in the order of `color`.
 */
typedef struct td_recipe {
    td_color color;
    td_crop crop;
    int32_t width, height; /* of the network's input; 0: as the model says */
    float scale;
    float mean[3], std[3];
} td_recipe;

/*
 * Parses a recipe: a name (`torch`, `tf`, `caffe`, `unit`, `cifar`), after which `;size=` and
 * `;crop=` may follow, or settings such as
 * "color=rgb;scale=1/255;mean=0.5,0.5,0.5;std=0.25,0.25,0.25;size=224;crop=center" (numbers may be
 * fractions, one number serves all channels, size is N or WxH; what is left out is rgb, 1/255, 0,
 * 1, the model's, center). TD_FORMAT with the offset of what was not understood.
 */
TD_API td_status td_recipe_parse(const char *text, td_recipe *out, td_error *err);

#define TD_RECIPE_TEXT_BYTES 256
/* Writes the recipe as settings that td_recipe_parse() reads back to the same bits. */
TD_API void td_recipe_format(const td_recipe *recipe, char out[TD_RECIPE_TEXT_BYTES]);

/*
 * Crops, resizes and converts the colours: the 8-bit HWC picture that is the cut `input`.
 * recipe->width and height must be set. The caller owns out->pixels on success.
 */
TD_API td_status td_recipe_fit(const td_recipe *recipe, const td_picture *picture, td_picture *out,
                               td_error *err);

#ifdef __cplusplus
}
#endif

#endif
