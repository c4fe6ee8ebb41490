/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The models that a server has, by name.
 */
#include "server/catalog.h"

#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/status.h"
#include "base/text.h"

#define MANIFEST "bundle.json"

td_status tdi_catalog_open(const char *const *paths, size_t path_count, tdi_catalog *out,
                           td_error *err) {
    tdi_repository repository = {0};
    memset(out, 0, sizeof *out);
    td_status status = tdi_repository_open(paths, path_count, &repository, err);
    if (status != TD_OK)
        goto fail;
    out->models = tdi_calloc(repository.count, sizeof(td_model *));
    if (!out->models) {
        status = tdi_fail_memory(err);
        goto fail;
    }
    for (size_t i = 0; i < repository.count; i++) {
        status = tdi_model_from_bundle(repository.bundles[i], NULL, &out->models[i], err);
        if (status != TD_OK)
            goto fail;
        repository.bundles[i] = NULL; /* the model owns it now */
        out->count++;
    }
    tdi_repository_clear(&repository);
    return TD_OK;
fail:
    tdi_repository_clear(&repository);
    tdi_catalog_close(out);
    return status;
}

void tdi_catalog_close(tdi_catalog *catalog) {
    for (size_t i = 0; i < catalog->count; i++)
        td_model_unref(catalog->models[i]);
    tdi_free(catalog->models);
    memset(catalog, 0, sizeof *catalog);
}

td_status tdi_catalog_find(const tdi_catalog *catalog, const char *name, td_model **out,
                           td_error *err) {
    tdi_text names = {0};
    for (size_t i = 0; i < catalog->count; i++) {
        if (!strcmp(td_model_name(catalog->models[i]), name)) {
            *out = catalog->models[i];
            tdi_text_fini(&names);
            return TD_OK;
        }
        tdi_text_append(&names, "%s\"%s\"", i ? ", " : "", td_model_name(catalog->models[i]));
    }
    td_status status = tdi_fail(err, TD_NOT_FOUND, "the server has no model \"%s\"; it has %s",
                                name, names.data ? names.data : "none");
    tdi_text_fini(&names);
    return status;
}

static const tdi_hash *model_hash(const td_model *model) {
    int file = tdi_bundle_file_find(model->bundle, model->bundle->model_path);
    return file < 0 ? NULL : &model->bundle->files[file].hash;
}

td_status tdi_catalog_check(const td_model *model, const tdi_switch *request, td_error *err) {
    char recipe[TD_RECIPE_TEXT_BYTES], ours[TDI_HASH_TEXT_BYTES], theirs[TDI_HASH_TEXT_BYTES];
    const tdi_hash *hash = model_hash(model);
    if (hash && !tdi_hash_equal(hash, &request->model_hash)) {
        tdi_hash_format(hash, ours);
        tdi_hash_format(&request->model_hash, theirs);
        return tdi_fail(err, TD_MISMATCH,
                        "the device's model file for \"%s\" (SHA-256 %.12s...) is not the server's "
                        "(%.12s...): name the "
                        "model instead of a file to fetch the server's",
                        request->model, theirs, ours);
    }
    td_recipe_format(&model->recipe, recipe);
    if (strcmp(recipe, request->recipe) != 0)
        return tdi_fail(err, TD_MISMATCH,
                        "the device prepares pictures for \"%s\" by \"%s\", the server's bundle "
                        "says \"%s\": use the "
                        "same bundle on both",
                        request->model, request->recipe, recipe);
    return TD_OK;
}

td_status tdi_catalog_file(const td_model *model, const char *path, char **out, td_error *err) {
    if (strcmp(path, MANIFEST) != 0 && tdi_bundle_file_find(model->bundle, path) < 0)
        return tdi_fail(err, TD_NOT_FOUND, "bundle \"%s\" has no file \"%s\"", td_model_name(model),
                        path);
    *out = tdi_path_join(model->bundle->folder, path);
    return *out ? TD_OK : tdi_fail_memory(err);
}
