/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle.json: reading it with every value checked, and writing it. It may come from a stranger:
 * nothing in it is believed, and its files are not touched here.
 */
#include "bundle/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/memory.h"
#include "base/text.h"
#include "bundle/name.h"

#define ENTRIES_MAX 65536
#define VERSION_MAX INT32_MAX
#define KEY_BYTES   64

/* In the order of td_output_kind. */
static const char *const output_kinds[] = {"logits", "probabilities", "raw"};
#define OUTPUT_KIND_COUNT (sizeof output_kinds / sizeof output_kinds[0])

/* An object of the file and the way to it, for messages: "" or "files[3]." */
typedef struct place {
    const json_t *object;
    char prefix[KEY_BYTES];
    td_error *err;
} place;

static td_status fail_key(const place *at, const char *key, const char *what) {
    return tdi_fail(at->err, TD_FORMAT, "`%s%s` %s", at->prefix, key, what);
}

/* *out is NULL where the key is absent and not required. */
static td_status get_text(const place *at, const char *key, int required,
                          int (*valid)(const char *), const char *what, char **out) {
    const json_t *value = json_object_get(at->object, key);
    *out = NULL;
    if (!value && !required)
        return TD_OK;
    if (!value)
        return fail_key(at, key, "is missing");
    const char *text = json_string_value(value);
    if (!text || !valid(text))
        return fail_key(at, key, what);
    *out = tdi_strdup(text);
    return *out ? TD_OK : tdi_fail_memory(at->err);
}

static td_status get_path(const place *at, const char *key, int required, char **out) {
    return get_text(at, key, required, tdi_bundle_path_valid,
                    "is not a path inside the bundle (parts of A-Z a-z 0-9 . _ - between slashes)",
                    out);
}

static td_status get_integer(const place *at, const char *key, int64_t min, int64_t max,
                             int64_t *out) {
    const json_t *value = json_object_get(at->object, key);
    if (!value)
        return fail_key(at, key, "is missing");
    char what[96];
    snprintf(what, sizeof what, "is not a whole number from %lld to %lld", (long long)min,
             (long long)max);
    if (!json_is_integer(value) || json_integer_value(value) < min ||
        json_integer_value(value) > max)
        return fail_key(at, key, what);
    *out = json_integer_value(value);
    return TD_OK;
}

/* The entries of an array of objects; an absent one that is not required has none. */
static td_status get_array(const place *at, const char *key, int required, const json_t **array,
                           size_t *count) {
    *array = json_object_get(at->object, key);
    *count = 0;
    if (!*array)
        return required ? fail_key(at, key, "is missing") : TD_OK;
    if (!json_is_array(*array))
        return fail_key(at, key, "is not an array");
    if (json_array_size(*array) > ENTRIES_MAX)
        return tdi_fail(at->err, TD_LIMIT, "`%s` has more than %d entries", key, ENTRIES_MAX);
    *count = json_array_size(*array);
    return TD_OK;
}

static td_status get_entry(const json_t *array, const char *key, size_t index, td_error *err,
                           place *out) {
    out->object = json_array_get(array, index);
    out->err = err;
    snprintf(out->prefix, sizeof out->prefix, "%s[%zu].", key, index);
    if (!json_is_object(out->object))
        return tdi_fail(err, TD_FORMAT, "`%s[%zu]` is not an object", key, index);
    return TD_OK;
}

static int any_text(const char *text) {
    return text != NULL;
}

static td_status read_recipe(const place *at, td_recipe *out) {
    char *text;
    TD_TRY(get_text(at, "recipe", 1, any_text, "is not a text", &text));
    td_status status = td_recipe_parse(text, out, at->err);
    tdi_free(text);
    return status == TD_OK ? TD_OK : tdi_fail_prefix(at->err, status, "`recipe`");
}

static td_status read_output_kind(const place *at, td_output_kind *out) {
    const char *text = json_string_value(json_object_get(at->object, "output_kind"));
    for (size_t i = 0; text && i < OUTPUT_KIND_COUNT; i++)
        if (!strcmp(text, output_kinds[i])) {
            *out = (td_output_kind)i;
            return TD_OK;
        }
    return fail_key(at, "output_kind", "is not \"logits\", \"probabilities\" or \"raw\"");
}

static int compare_files(const void *a, const void *b) {
    return strcmp(((const tdi_bundle_file *)a)->path, ((const tdi_bundle_file *)b)->path);
}

static int compare_cuts(const void *a, const void *b) {
    return strcmp((*(const tdi_bundle_cut *const *)a)->name,
                  (*(const tdi_bundle_cut *const *)b)->name);
}

static td_status read_file_entry(const place *at, tdi_bundle_file *out) {
    int64_t size = 0;
    TD_TRY(get_path(at, "path", 1, &out->path));
    if (!strcmp(out->path, TDI_MANIFEST_NAME))
        return fail_key(at, "path", "is " TDI_MANIFEST_NAME " itself");
    TD_TRY(get_integer(at, "size", 0, TDI_BUNDLE_FILE_BYTES_MAX, &size));
    out->size = (uint64_t)size;
    const char *hash = json_string_value(json_object_get(at->object, "sha256"));
    if (!hash || tdi_hash_parse(hash, &out->hash))
        return fail_key(at, "sha256", "is not 64 hexadecimal digits");
    return TD_OK;
}

static td_status read_files(const place *at, tdi_bundle *bundle) {
    const json_t *array;
    size_t count;
    TD_TRY(get_array(at, "files", 1, &array, &count));
    bundle->files = tdi_calloc(count + 1, sizeof *bundle->files);
    if (!bundle->files)
        return tdi_fail_memory(at->err);
    bundle->file_count = count;
    for (size_t i = 0; i < count; i++) {
        place entry;
        TD_TRY(get_entry(array, "files", i, at->err, &entry));
        TD_TRY(read_file_entry(&entry, &bundle->files[i]));
    }
    qsort(bundle->files, count, sizeof *bundle->files, compare_files);
    for (size_t i = 1; i < count; i++)
        if (!strcmp(bundle->files[i - 1].path, bundle->files[i].path))
            return tdi_fail(at->err, TD_FORMAT, "`files` lists %s twice", bundle->files[i].path);
    return TD_OK;
}

/* A path that must be among the files. */
static td_status get_listed_path(const place *at, const char *key, int required,
                                 const tdi_bundle *bundle, char **out) {
    TD_TRY(get_path(at, key, required, out));
    if (*out && tdi_bundle_file_find(bundle, *out) < 0)
        return tdi_fail(at->err, TD_FORMAT, "`%s%s` is %s, which `files` does not list", at->prefix,
                        key, *out);
    return TD_OK;
}

static td_status read_cut_entry(const place *at, const tdi_bundle *bundle, tdi_bundle_cut *out) {
    TD_TRY(get_text(at, "name", 1, tdi_bundle_text_valid, "is not the name of a cut", &out->name));
    char *path;
    td_status status = get_listed_path(at, "calibration", 1, bundle, &path);
    if (status == TD_OK)
        out->file = (size_t)tdi_bundle_file_find(bundle, path);
    tdi_free(path);
    return status;
}

static td_status check_cuts_differ(const tdi_bundle *bundle, td_error *err) {
    const tdi_bundle_cut **sorted = tdi_calloc(bundle->cut_count + 1, sizeof *sorted);
    if (!sorted)
        return tdi_fail_memory(err);
    for (size_t i = 0; i < bundle->cut_count; i++)
        sorted[i] = &bundle->cuts[i];
    qsort(sorted, bundle->cut_count, sizeof *sorted, compare_cuts);
    td_status status = TD_OK;
    for (size_t i = 1; i < bundle->cut_count && status == TD_OK; i++)
        if (!strcmp(sorted[i - 1]->name, sorted[i]->name))
            status = tdi_fail(err, TD_FORMAT, "`cuts` lists %s twice", sorted[i]->name);
    tdi_free(sorted);
    return status;
}

static td_status read_cuts(const place *at, tdi_bundle *bundle) {
    const json_t *array;
    size_t count;
    TD_TRY(get_array(at, "cuts", 0, &array, &count));
    bundle->cuts = tdi_calloc(count + 1, sizeof *bundle->cuts);
    if (!bundle->cuts)
        return tdi_fail_memory(at->err);
    bundle->cut_count = count;
    for (size_t i = 0; i < count; i++) {
        place entry;
        TD_TRY(get_entry(array, "cuts", i, at->err, &entry));
        TD_TRY(read_cut_entry(&entry, bundle, &bundle->cuts[i]));
    }
    return check_cuts_differ(bundle, at->err);
}

/* Before anything else: another format may have other keys. */
static td_status check_format(const place *at) {
    int64_t format = 0;
    TD_TRY(get_integer(at, "format", 1, INT32_MAX, &format));
    if (format != TDI_BUNDLE_FORMAT)
        return tdi_fail(at->err, TD_VERSION,
                        "the bundle has format %lld, this program reads format %d: use a newer one",
                        (long long)format, TDI_BUNDLE_FORMAT);
    return TD_OK;
}

static td_status read_root(const json_t *root, tdi_bundle *bundle, td_error *err) {
    place at = {root, "", err};
    int64_t version = 0;
    if (!json_is_object(root))
        return tdi_fail(err, TD_FORMAT, "it is not a JSON object");
    TD_TRY(check_format(&at));
    TD_TRY(get_text(&at, "name", 1, tdi_bundle_name_valid,
                    "is not a name: up to 64 of A-Z a-z 0-9 . _ -, not beginning with a dot",
                    &bundle->name));
    TD_TRY(get_integer(&at, "version", 1, VERSION_MAX, &version));
    bundle->version = (uint32_t)version;
    TD_TRY(read_recipe(&at, &bundle->recipe));
    TD_TRY(read_output_kind(&at, &bundle->output_kind));
    TD_TRY(get_text(&at, "default_cut", 0, tdi_bundle_text_valid, "is not the name of a cut",
                    &bundle->default_cut));
    TD_TRY(get_text(&at, "default_codec", 0, tdi_bundle_text_valid, "is not a strategy",
                    &bundle->default_codec));
    TD_TRY(read_files(&at, bundle));
    TD_TRY(get_listed_path(&at, "model", 1, bundle, &bundle->model_path));
    TD_TRY(get_listed_path(&at, "labels", 0, bundle, &bundle->labels_path));
    TD_TRY(get_listed_path(&at, "pictures", 0, bundle, &bundle->pictures_path));
    TD_TRY(get_listed_path(&at, "ranges", 0, bundle, &bundle->ranges_path));
    return read_cuts(&at, bundle);
}

static td_status parse(const uint8_t *json, size_t size, tdi_bundle *bundle, td_error *err) {
    json_error_t where;
    if (size > TDI_MANIFEST_BYTES_MAX)
        return tdi_fail(err, TD_LIMIT, "it has %zu bytes; at most %zu are accepted", size,
                        TDI_MANIFEST_BYTES_MAX);
    json_t *root = json_loadb((const char *)json, size, JSON_REJECT_DUPLICATES, &where);
    if (!root)
        return tdi_fail_at(err, TD_FORMAT, where.position, "line %d, column %d: %s", where.line,
                           where.column, where.text);
    td_status status = read_root(root, bundle, err);
    json_decref(root);
    return status;
}

td_status tdi_bundle_parse(const uint8_t *json, size_t size, const char *folder, tdi_bundle **out,
                           td_error *err) {
    tdi_bundle *bundle = tdi_calloc(1, sizeof *bundle);
    if (!bundle)
        return tdi_fail_memory(err);
    td_status status = TD_OK;
    if (folder && !(bundle->folder = tdi_strdup(folder)))
        status = tdi_fail_memory(err);
    if (status == TD_OK) {
        status = parse(json, size, bundle, err);
        if (status != TD_OK)
            tdi_fail_prefix(err, status, "%s%s" TDI_MANIFEST_NAME, folder ? folder : "",
                            folder ? "/" : "");
    }
    if (status == TD_OK) {
        bundle->hash = tdi_hash_of(json, size);
        *out = bundle;
    } else {
        tdi_bundle_free(bundle);
    }
    return status;
}

/* The array, or NULL where the entry could not be made or appended. */
static json_t *with_entry(json_t *array, json_t *entry) {
    if (!json_array_append_new(array, entry))
        return array;
    json_decref(array);
    return NULL;
}

static json_t *format_files(const tdi_bundle *bundle) {
    json_t *array = json_array();
    for (size_t i = 0; i < bundle->file_count; i++) {
        const tdi_bundle_file *file = &bundle->files[i];
        char hash[TDI_HASH_TEXT_BYTES];
        tdi_hash_format(&file->hash, hash);
        array = with_entry(array, json_pack("{s:s, s:I, s:s}", "path", file->path, "size",
                                            (json_int_t)file->size, "sha256", hash));
    }
    return array;
}

static json_t *format_cuts(const tdi_bundle *bundle) {
    json_t *array = json_array();
    for (size_t i = 0; i < bundle->cut_count; i++) {
        const tdi_bundle_cut *cut = &bundle->cuts[i];
        array = with_entry(array, json_pack("{s:s, s:s}", "name", cut->name, "calibration",
                                            bundle->files[cut->file].path));
    }
    return array;
}

static int append(const char *data, size_t size, void *text) {
    tdi_text_append_bytes(text, data, size);
    return ((tdi_text *)text)->failed ? -1 : 0;
}

/* Keys without a value are left out. */
static json_t *format_root(const tdi_bundle *bundle) {
    char recipe[TD_RECIPE_TEXT_BYTES];
    td_recipe_format(&bundle->recipe, recipe);
    return json_pack(
        "{s:i, s:s, s:I, s:s, s:s, s:s*, s:s*, s:s, s:s*, s:s*, s:s*, s:o, s:o}", "format",
        TDI_BUNDLE_FORMAT, "name", bundle->name, "version", (json_int_t)bundle->version, "recipe",
        recipe, "output_kind", output_kinds[bundle->output_kind], "default_cut",
        bundle->default_cut, "default_codec", bundle->default_codec, "model", bundle->model_path,
        "labels", bundle->labels_path, "pictures", bundle->pictures_path, "ranges",
        bundle->ranges_path, "cuts", format_cuts(bundle), "files", format_files(bundle));
}

td_status tdi_manifest_format(const tdi_bundle *bundle, char **text, td_error *err) {
    tdi_text out = {0};
    json_t *root = format_root(bundle);
    if (!root)
        return tdi_fail(err, TD_ARGUMENT,
                        "the bundle cannot be described: a name or path is missing or not UTF-8");
    int failed = json_dump_callback(root, append, &out, JSON_INDENT(2));
    json_decref(root);
    tdi_text_append(&out, "\n");
    if (failed) {
        tdi_text_fini(&out);
        return tdi_fail_memory(err);
    }
    *text = tdi_text_take(&out);
    return *text ? TD_OK : tdi_fail_memory(err);
}
