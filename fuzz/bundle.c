/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle.json: what parses keeps the promises that its users rely on, is written out, and that
 * parses to the same text.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "bundle/bundle.h"
#include "bundle/manifest.h"
#include "bundle/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const tdi_bundle *bundle) {
    assert(tdi_bundle_name_valid(bundle->name) && bundle->version > 0);
    for (size_t i = 0; i < bundle->file_count; i++) {
        assert(tdi_bundle_path_valid(bundle->files[i].path));
        assert(tdi_bundle_file_find(bundle, bundle->files[i].path) == (int)i);
    }
    for (size_t i = 0; i < bundle->cut_count; i++)
        assert(bundle->cuts[i].file < bundle->file_count);
    assert(tdi_bundle_file_find(bundle, bundle->model_path) >= 0);
}

static char *format(const tdi_bundle *bundle) {
    char *text;
    td_status status = tdi_manifest_format(bundle, &text, NULL);
    assert(status == TD_OK);
    return status == TD_OK ? text : NULL;
}

static void round_trip(const tdi_bundle *bundle) {
    tdi_bundle *again;
    char *text = format(bundle);
    td_status status = tdi_bundle_parse((const uint8_t *)text, strlen(text), NULL, &again, NULL);
    assert(status == TD_OK);
    char *twice = format(again);
    assert(strcmp(text, twice) == 0);
    tdi_bundle_free(again);
    tdi_free(text);
    tdi_free(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *json = malloc(size + !size);
    if (!json)
        return 0;
    if (size)
        memcpy(json, data, size);
    tdi_bundle *bundle;
    td_error err = {TD_OK, 0, ""};
    if (tdi_bundle_parse(json, size, NULL, &bundle, &err) == TD_OK) {
        check(bundle);
        round_trip(bundle);
        tdi_bundle_free(bundle);
    } else {
        assert(strstr(err.message, "bundle.json"));
    }
    free(json);
    return 0;
}
