/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a picture to the network's input: crop, resize and colours in 8 bits (td_recipe_fit(), the
 * cut `input`), then numbers (tdi_recipe_apply()).
 */
#include <string.h>

#include "base/memory.h"
#include "media/picture.h"
#include "media/recipe.h"
#include "media/resize.h"

int tdi_recipe_channels(const td_recipe *recipe) {
    return recipe->color == TD_COLOR_GRAY ? 1 : 3;
}

int tdi_recipe_source_channel(const td_recipe *recipe, int channel) {
    return recipe->color == TD_COLOR_BGR ? 2 - channel : channel;
}

/* The largest centred area of the aspect ratio width : height. */
static tdi_area centered_area(const td_picture *picture, int32_t width, int32_t height) {
    int64_t w = picture->width, h = picture->height;
    if (w * height > h * width)
        w = (2 * h * width + height) / (2 * (int64_t)height);
    else
        h = (2 * w * height + width) / (2 * (int64_t)width);
    w = w < 1 ? 1 : w;
    h = h < 1 ? 1 : h;
    return (tdi_area){(int32_t)((picture->width - w) / 2), (int32_t)((picture->height - h) / 2),
                      (int32_t)w, (int32_t)h};
}

/* Luma of ITU-R BT.601, rounded as libjpeg does. */
static uint8_t luma(const uint8_t *rgb) {
    return (uint8_t)((19595u * rgb[0] + 38470u * rgb[1] + 7471u * rgb[2] + 32768u) >> 16);
}

/* `area` of the picture with `channels` channels, as a picture of its own. */
static td_status convert_area(const td_picture *picture, const tdi_area *area, int channels,
                              td_picture *out, td_error *err) {
    TD_TRY(tdi_picture_new(area->width, area->height, channels, TD_PICTURE_PIXELS_MAX, out, err));
    uint8_t *to = out->pixels;
    for (int32_t y = 0; y < area->height; y++) {
        size_t first = (size_t)(area->top + y) * (size_t)picture->width + (size_t)area->left;
        const uint8_t *from = picture->pixels + first * (size_t)picture->channels;
        for (int32_t x = 0; x < area->width; x++, from += picture->channels, to += channels)
            if (channels == 1)
                *to = luma(from);
            else
                memset(to, *from, 3);
    }
    return TD_OK;
}

static td_status check(const td_recipe *recipe, const td_picture *picture, td_error *err) {
    if (!picture->pixels || picture->width < 1 || picture->height < 1 ||
        (picture->channels != 1 && picture->channels != 3))
        return tdi_fail(err, TD_ARGUMENT, "a picture has 1 or 3 channels and at least one pixel");
    if (picture->width > TD_PICTURE_SIDE_MAX || picture->height > TD_PICTURE_SIDE_MAX)
        return tdi_fail(err, TD_LIMIT, "a picture has at most %d pixels on a side",
                        TD_PICTURE_SIDE_MAX);
    if (recipe->width < 1 || recipe->height < 1)
        return tdi_fail(err, TD_ARGUMENT, "the recipe has no size: add size=N or size=WxH to it");
    return TD_OK;
}

td_status td_recipe_fit(const td_recipe *recipe, const td_picture *picture, td_picture *out,
                        td_error *err) {
    TD_TRY(check(recipe, picture, err));
    int channels = tdi_recipe_channels(recipe);
    tdi_area area = {0, 0, picture->width, picture->height};
    if (recipe->crop == TD_CROP_CENTER)
        area = centered_area(picture, recipe->width, recipe->height);
    if (picture->channels == channels)
        return tdi_picture_resize(picture, &area, recipe->width, recipe->height, out, err);

    /* Resizing one channel is cheaper than three: to grey before, to colour after. */
    td_picture other = {0, 0, 0, NULL};
    td_status status;
    if (channels == 1) {
        status = convert_area(picture, &area, 1, &other, err);
        tdi_area whole = {0, 0, area.width, area.height};
        if (status == TD_OK)
            status = tdi_picture_resize(&other, &whole, recipe->width, recipe->height, out, err);
    } else {
        status = tdi_picture_resize(picture, &area, recipe->width, recipe->height, &other, err);
        tdi_area whole = {0, 0, recipe->width, recipe->height};
        if (status == TD_OK)
            status = convert_area(&other, &whole, 3, out, err);
    }
    td_picture_clear(&other);
    return status;
}

void tdi_recipe_apply(const td_recipe *recipe, const uint8_t *hwc, float *chw) {
    int channels = tdi_recipe_channels(recipe);
    size_t plane = (size_t)recipe->width * (size_t)recipe->height;
    for (int c = 0; c < channels; c++, chw += plane) {
        float value[256];
        for (int pixel = 0; pixel < 256; pixel++)
            value[pixel] = ((float)pixel * recipe->scale - recipe->mean[c]) / recipe->std[c];
        const uint8_t *in = hwc + tdi_recipe_source_channel(recipe, c);
        for (size_t i = 0; i < plane; i++, in += channels)
            chw[i] = value[*in];
    }
}
