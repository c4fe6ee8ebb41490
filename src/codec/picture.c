/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `picture`: the 8-bit picture of the cut `input`, passed on as it is to a picture codec.
 */
#include "codec/stage.h"

const tdi_stage tdi_stage_picture = {
    .info = {.name = "picture",
             .kind = TD_STAGE_PICTURE,
             .help = "the 8-bit picture itself, for a picture codec; at the cut `input` only"},
};
