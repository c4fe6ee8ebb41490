/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device tells a server about its model, so that the server can see whether it has the same.
 */
#ifndef TDI_DEVICE_IDENTITY_H
#define TDI_DEVICE_IDENTITY_H

#include "pipeline/pipeline.h"
#include "wire/message.h"

typedef struct tdi_identity {
    char model[TDI_MODEL_BYTES + 1];
    tdi_hash model_hash;
    char recipe[TD_RECIPE_TEXT_BYTES];
} tdi_identity;

/* `path` is where the model was opened from; an .onnx file is read again for its hash. */
td_status tdi_identity_of(const td_model *model, const char *path, tdi_identity *out,
                          td_error *err);

/* A request for frames that `coder` encodes; its strings are the identity's and the coder's. */
tdi_switch tdi_identity_switch(const tdi_identity *identity, const char *cut,
                               const tdi_coder *coder, int top, int raw_outputs);

#endif
