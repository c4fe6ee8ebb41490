/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WebP files, lossy and lossless, by libwebp. Animations are refused.
 */
#include <webp/decode.h>

#include "media/picture.h"

static td_status fail(VP8StatusCode code, td_error *err) {
    switch (code) {
    case VP8_STATUS_OUT_OF_MEMORY:
        return tdi_fail_memory(err);
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
        return tdi_fail(err, TD_FORMAT, "the WebP file is cut short");
    case VP8_STATUS_UNSUPPORTED_FEATURE:
        return tdi_fail(err, TD_UNSUPPORTED, "the WebP file uses a feature that libwebp lacks");
    default:
        return tdi_fail(err, TD_FORMAT, "damaged WebP file");
    }
}

td_status tdi_picture_read_webp(const uint8_t *bytes, size_t size, int64_t pixels_max,
                                td_picture *out, td_error *err) {
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config))
        return tdi_fail(err, TD_UNSUPPORTED, "libwebp is older than the one built against");
    VP8StatusCode code = WebPGetFeatures(bytes, size, &config.input);
    if (code != VP8_STATUS_OK)
        return fail(code, err);
    if (config.input.has_animation)
        return tdi_fail(err, TD_UNSUPPORTED, "the WebP file is an animation: give a still picture");

    td_picture picture;
    int channels = config.input.has_alpha ? 4 : 3;
    TD_TRY(tdi_picture_new(config.input.width, config.input.height, channels, pixels_max, &picture,
                           err));
    size_t stride = (size_t)picture.width * (size_t)channels;
    config.output.colorspace = channels == 4 ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = picture.pixels;
    config.output.u.RGBA.stride = (int)stride;
    config.output.u.RGBA.size = stride * (size_t)picture.height;
    code = WebPDecode(bytes, size, &config);
    WebPFreeDecBuffer(&config.output);
    if (code != VP8_STATUS_OK) {
        td_picture_clear(&picture);
        return fail(code, err);
    }
    if (channels == 4)
        tdi_picture_drop_alpha(&picture);
    *out = picture;
    return TD_OK;
}
