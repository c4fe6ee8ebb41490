/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An open bundle: its files on demand, each one checked against what bundle.json says of it.
 */
#include "bundle/bundle.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "bundle/manifest.h"

#define HASH_DIGITS_SHOWN 12

td_status tdi_bundle_open(const char *folder, tdi_bundle **out, td_error *err) {
    char *path = tdi_path_join(folder, TDI_MANIFEST_NAME);
    if (!path)
        return tdi_fail_memory(err);
    uint8_t *json;
    size_t size;
    td_status status = TD_OK;
    if (!tdi_path_exists(path))
        status = tdi_fail(err, TD_NOT_FOUND,
                          "%s is not a bundle: it has no " TDI_MANIFEST_NAME
                          " (`tandem prepare` makes bundles)",
                          folder);
    else
        status = tdi_file_read(path, TDI_MANIFEST_BYTES_MAX, &json, &size, err);
    tdi_free(path);
    if (status != TD_OK)
        return status;
    status = tdi_bundle_parse(json, size, folder, out, err);
    tdi_free(json);
    return status;
}

void tdi_bundle_free(tdi_bundle *bundle) {
    if (!bundle)
        return;
    for (size_t i = 0; i < bundle->file_count; i++)
        tdi_free(bundle->files[i].path);
    for (size_t i = 0; i < bundle->cut_count; i++)
        tdi_free(bundle->cuts[i].name);
    tdi_free(bundle->files);
    tdi_free(bundle->cuts);
    tdi_free(bundle->folder);
    tdi_free(bundle->name);
    tdi_free(bundle->default_cut);
    tdi_free(bundle->default_codec);
    tdi_free(bundle->model_path);
    tdi_free(bundle->labels_path);
    tdi_free(bundle->pictures_path);
    tdi_free(bundle->ranges_path);
    tdi_free(bundle);
}

static int compare_path(const void *path, const void *file) {
    return strcmp(path, ((const tdi_bundle_file *)file)->path);
}

int tdi_bundle_file_find(const tdi_bundle *bundle, const char *path) {
    const tdi_bundle_file *found = bundle->file_count
                                       ? bsearch(path, bundle->files, bundle->file_count,
                                                 sizeof *bundle->files, compare_path)
                                       : NULL;
    return found ? (int)(found - bundle->files) : -1;
}

static td_status check_content(const tdi_bundle_file *file, const char *path, size_t size,
                               const tdi_hash *hash, td_error *err) {
    if (size != file->size)
        return tdi_fail(err, TD_MISMATCH,
                        "%s is damaged: it has %zu bytes, " TDI_MANIFEST_NAME
                        " says %llu; prepare or fetch the bundle again",
                        path, size, (unsigned long long)file->size);
    if (!tdi_hash_equal(hash, &file->hash)) {
        char actual[TDI_HASH_TEXT_BYTES], expected[TDI_HASH_TEXT_BYTES];
        tdi_hash_format(hash, actual);
        tdi_hash_format(&file->hash, expected);
        return tdi_fail(err, TD_MISMATCH,
                        "%s is damaged: its SHA-256 begins %.*s, " TDI_MANIFEST_NAME
                        " says %.*s; prepare or fetch the bundle again",
                        path, HASH_DIGITS_SHOWN, actual, HASH_DIGITS_SHOWN, expected);
    }
    return TD_OK;
}

static td_status fail_missing(const char *path, td_error *err) {
    return tdi_fail(err, TD_MISMATCH,
                    "%s is missing, though " TDI_MANIFEST_NAME
                    " lists it; prepare or fetch the bundle again",
                    path);
}

static td_status path_of(const tdi_bundle *bundle, size_t file, char **out, td_error *err) {
    if (!bundle->folder)
        return tdi_fail(err, TD_ARGUMENT, "%s: this bundle has no folder yet",
                        bundle->files[file].path);
    *out = tdi_path_join(bundle->folder, bundle->files[file].path);
    return *out ? TD_OK : tdi_fail_memory(err);
}

td_status tdi_bundle_file_read(const tdi_bundle *bundle, size_t file, uint8_t **bytes, size_t *size,
                               td_error *err) {
    char *path = NULL;
    TD_TRY(path_of(bundle, file, &path, err));
    td_status status = tdi_file_read(path, TDI_BUNDLE_FILE_BYTES_MAX, bytes, size, err);
    if (status == TD_NOT_FOUND)
        status = fail_missing(path, err);
    if (status == TD_OK) {
        tdi_hash hash = tdi_hash_of(*bytes, *size);
        status = check_content(&bundle->files[file], path, *size, &hash, err);
        if (status != TD_OK)
            tdi_free(*bytes);
    }
    tdi_free(path);
    return status;
}

td_status tdi_bundle_file_open(const tdi_bundle *bundle, size_t file, tdi_backing **out,
                               td_error *err) {
    char *path = NULL;
    tdi_backing *backing = NULL;
    tdi_hash hash = {{0}};
    TD_TRY(path_of(bundle, file, &path, err));
    td_status status = tdi_backing_open(path, TDI_BUNDLE_FILE_BYTES_MAX, &backing, err);
    if (status == TD_NOT_FOUND)
        status = fail_missing(path, err);
    if (status == TD_OK)
        status = tdi_backing_hash(backing, &hash, err);
    if (status == TD_OK)
        status = check_content(&bundle->files[file], path, tdi_backing_bytes(backing), &hash, err);
    if (status == TD_OK)
        *out = backing;
    else
        tdi_backing_unref(backing);
    tdi_free(path);
    return status;
}

/* Puts the name of a file whose content is at fault before the message. */
static td_status fail_file(const tdi_bundle *bundle, const char *path, td_status status,
                           td_error *err) {
    return tdi_fail_prefix(err, status, "%s/%s", bundle->folder, path);
}

static const tdi_bundle_cut *find_cut(const tdi_bundle *bundle, const char *name) {
    for (size_t i = 0; i < bundle->cut_count; i++)
        if (!strcmp(bundle->cuts[i].name, name))
            return &bundle->cuts[i];
    return NULL;
}

static td_status fail_no_cut(const tdi_bundle *bundle, const char *cut, td_error *err) {
    tdi_text near = {0};
    const char **names = tdi_calloc(bundle->cut_count + 1, sizeof *names);
    for (size_t i = 0; names && i < bundle->cut_count; i++)
        names[i] = bundle->cuts[i].name;
    if (names)
        tdi_text_suggest(&near, cut, names, bundle->cut_count);
    tdi_fail(err, TD_NOT_FOUND,
             "the bundle %s has no calibration for the cut %s%s: prepare it for that cut",
             bundle->name, cut, near.data ? near.data : "");
    tdi_text_fini(&near);
    tdi_free(names);
    return TD_NOT_FOUND;
}

td_status tdi_bundle_calibration(const tdi_bundle *bundle, const char *cut,
                                 tdi_calibration_set *out, td_error *err) {
    const tdi_bundle_cut *found = find_cut(bundle, cut);
    if (!found)
        return fail_no_cut(bundle, cut, err);
    const char *path = bundle->files[found->file].path;
    uint8_t *bytes;
    size_t size;
    TD_TRY(tdi_bundle_file_read(bundle, found->file, &bytes, &size, err));
    tdi_calibration_set set = {0};
    td_status status = tdi_calibration_set_parse(bytes, size, &set, err);
    tdi_free(bytes);
    if (status != TD_OK)
        return fail_file(bundle, path, status, err);
    if (strcmp(set.cut, cut)) {
        status = tdi_fail(err, TD_MISMATCH,
                          "%s/%s is the calibration of the cut %s, but " TDI_MANIFEST_NAME
                          " offers it for %s",
                          bundle->folder, path, set.cut, cut);
        tdi_calibration_set_clear(&set);
        return status;
    }
    *out = set;
    return TD_OK;
}

td_status tdi_bundle_labels(const tdi_bundle *bundle, tdi_labels **out, td_error *err) {
    *out = NULL;
    if (!bundle->labels_path)
        return TD_OK;
    uint8_t *text;
    size_t size;
    int file = tdi_bundle_file_find(bundle, bundle->labels_path);
    TD_TRY(tdi_bundle_file_read(bundle, (size_t)file, &text, &size, err));
    td_status status = tdi_labels_parse((const char *)text, size, out, err);
    tdi_free(text);
    return status == TD_OK ? TD_OK : fail_file(bundle, bundle->labels_path, status, err);
}

/* Lines of 64 hexadecimal digits, ascending. */
static td_status parse_pictures(const char *text, size_t size, tdi_hash *out, td_error *err) {
    const size_t line_bytes = TDI_HASH_TEXT_BYTES; /* the digits and a newline */
    for (size_t i = 0; i < size / line_bytes; i++) {
        const char *line = text + i * line_bytes;
        char digits[TDI_HASH_TEXT_BYTES];
        memcpy(digits, line, line_bytes - 1);
        digits[line_bytes - 1] = 0;
        if (line[line_bytes - 1] != '\n' || tdi_hash_parse(digits, &out[i]))
            return tdi_fail_at(err, TD_FORMAT, (int64_t)(i * line_bytes),
                               "line %zu is not 64 hexadecimal digits", i + 1);
        if (i && memcmp(out[i - 1].bytes, out[i].bytes, TDI_HASH_BYTES) > 0)
            return tdi_fail_at(err, TD_FORMAT, (int64_t)(i * line_bytes),
                               "line %zu is not in order", i + 1);
    }
    if (size % line_bytes)
        return tdi_fail_at(err, TD_FORMAT, (int64_t)size, "the last line is not complete");
    return TD_OK;
}

td_status tdi_bundle_pictures(const tdi_bundle *bundle, tdi_hash **out, size_t *count,
                              td_error *err) {
    *out = NULL;
    *count = 0;
    if (!bundle->pictures_path)
        return TD_OK;
    uint8_t *text;
    size_t size;
    int file = tdi_bundle_file_find(bundle, bundle->pictures_path);
    TD_TRY(tdi_bundle_file_read(bundle, (size_t)file, &text, &size, err));
    tdi_hash *hashes = tdi_calloc(size / TDI_HASH_TEXT_BYTES + 1, sizeof *hashes);
    td_status status = hashes ? parse_pictures((const char *)text, size, hashes, err)
                              : tdi_fail_memory(err);
    tdi_free(text);
    if (status != TD_OK) {
        tdi_free(hashes);
        return fail_file(bundle, bundle->pictures_path, status, err);
    }
    *out = hashes;
    *count = size / TDI_HASH_TEXT_BYTES;
    return TD_OK;
}

td_status tdi_bundle_ranges(const tdi_bundle *bundle, tdi_ranges *out, td_error *err) {
    uint8_t *bytes;
    size_t size;
    memset(out, 0, sizeof *out);
    if (!bundle->ranges_path)
        return TD_OK;
    int file = tdi_bundle_file_find(bundle, bundle->ranges_path);
    TD_TRY(tdi_bundle_file_read(bundle, (size_t)file, &bytes, &size, err));
    td_status status = tdi_ranges_parse(bytes, size, out, err);
    tdi_free(bytes);
    return status == TD_OK ? TD_OK : fail_file(bundle, bundle->ranges_path, status, err);
}

tdi_hash tdi_picture_hash(const td_picture *fitted) {
    size_t pixels_bytes = (size_t)fitted->width * (size_t)fitted->height * (size_t)fitted->channels;
    uint8_t head[12];
    tdi_writer w = tdi_writer_init(head, sizeof head);
    tdi_write_u32(&w, (uint32_t)fitted->width);
    tdi_write_u32(&w, (uint32_t)fitted->height);
    tdi_write_u32(&w, (uint32_t)fitted->channels);
    tdi_hash hash;
    tdi_hasher *hasher = tdi_hasher_new();
    memset(&hash, 0, sizeof hash);
    if (!hasher)
        return hash;
    tdi_hasher_add(hasher, head, sizeof head);
    tdi_hasher_add(hasher, fitted->pixels, pixels_bytes);
    return tdi_hasher_end(hasher);
}
