/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device tells a server about its model.
 */
#include "device/identity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"

static td_status hash_file(const char *path, tdi_hash *out, td_error *err) {
    uint8_t piece[16384];
    size_t n;
    FILE *file = fopen(path, "rb");
    if (!file)
        return tdi_fail(err, TD_IO, "cannot read %s: %s", path, strerror(errno));
    tdi_hasher *hasher = tdi_hasher_new();
    if (!hasher) {
        fclose(file);
        return tdi_fail_memory(err);
    }
    while ((n = fread(piece, 1, sizeof piece, file)) > 0)
        tdi_hasher_add(hasher, piece, n);
    *out = tdi_hasher_end(hasher);
    int failed = ferror(file);
    fclose(file);
    return failed ? tdi_fail(err, TD_IO, "cannot read %s", path) : TD_OK;
}

td_status tdi_identity_of(const td_model *model, const char *path, tdi_identity *out,
                          td_error *err) {
    const char *name = model->bundle ? model->bundle->name : td_model_name(model);
    memset(out, 0, sizeof *out);
    if (strlen(name) > TDI_MODEL_BYTES)
        return tdi_fail(err, TD_LIMIT, "the model's name \"%.40s...\" has more than %d bytes", name,
                        TDI_MODEL_BYTES);
    memcpy(out->model, name, strlen(name));
    td_recipe_format(&model->recipe, out->recipe);
    int file = model->bundle ? tdi_bundle_file_find(model->bundle, model->bundle->model_path) : -1;
    if (file < 0)
        return hash_file(path, &out->model_hash, err);
    out->model_hash = model->bundle->files[file].hash;
    return TD_OK;
}

tdi_switch tdi_identity_switch(const tdi_identity *identity, const char *cut,
                               const tdi_coder *coder, int top, int raw_outputs) {
    tdi_switch request = {0};
    request.model = identity->model;
    request.model_hash = identity->model_hash;
    request.recipe = identity->recipe;
    request.cut = cut;
    request.strategy = tdi_coder_strategy(coder);
    request.calibration_hash = tdi_coder_calibration_hash(coder);
    request.top = (uint32_t)top;
    request.raw_outputs = raw_outputs;
    return request;
}
