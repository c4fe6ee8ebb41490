/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Picture files of all kinds, and fitting what they hold.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "media/picture.h"

/* Small, so that a run is quick; the limits of td_picture_decode() differ in nothing else. */
#define PIXELS_MAX (1 << 18)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fit(const td_picture *picture, td_crop crop) {
    td_recipe recipe = {TD_COLOR_GRAY, crop, 9, 7, 1, {0, 0, 0}, {1, 1, 1}};
    td_picture fitted;
    assert(td_recipe_fit(&recipe, picture, &fitted, NULL) == TD_OK);
    assert(fitted.width == 9 && fitted.height == 7 && fitted.channels == 1);
    td_picture_clear(&fitted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *bytes = malloc(size + !size);
    if (!bytes)
        return 0;
    if (size)
        memcpy(bytes, data, size);
    td_picture picture;
    td_error err = {TD_OK, 0, ""};
    if (tdi_picture_decode(bytes, size, PIXELS_MAX, &picture, &err) == TD_OK) {
        assert(picture.channels == 1 || picture.channels == 3);
        assert(picture.width > 0 && picture.width <= PIXELS_MAX / picture.height);
        fit(&picture, TD_CROP_CENTER);
        fit(&picture, TD_CROP_STRETCH);
        td_picture_clear(&picture);
    } else {
        assert(err.message[0]);
    }
    free(bytes);
    return 0;
}
