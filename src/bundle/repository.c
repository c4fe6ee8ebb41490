/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server's bundles: which folders count as bundles, and that no two have the same name.
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "bundle/bundle.h"
#include "bundle/manifest.h"

static td_status is_bundle(const char *folder, int *out, td_error *err) {
    char *path = tdi_path_join(folder, TDI_MANIFEST_NAME);
    if (!path)
        return tdi_fail_memory(err);
    *out = tdi_path_exists(path);
    tdi_free(path);
    return TD_OK;
}

static td_status add_bundle(tdi_repository *repository, const char *folder, td_error *err) {
    tdi_bundle *bundle;
    TD_TRY(tdi_bundle_open(folder, &bundle, err));
    td_status status = TD_OK;
    const tdi_bundle *same = tdi_repository_find(repository, bundle->name);
    tdi_bundle **grown = NULL;
    if (same)
        status = tdi_fail(err, TD_ARGUMENT,
                          "the bundles %s and %s are both named %s: leave one out or rename it",
                          same->folder, folder, bundle->name);
    else if (!(grown = tdi_realloc(repository->bundles, (repository->count + 1) * sizeof *grown)))
        status = tdi_fail_memory(err);
    if (status != TD_OK) {
        tdi_bundle_free(bundle);
        return status;
    }
    repository->bundles = grown;
    repository->bundles[repository->count++] = bundle;
    return TD_OK;
}

/* Puts folder/name into *newest where that is a bundle. */
static td_status take_if_bundle(const char *folder, const char *name, int64_t version,
                                int64_t *newest_version, char **newest, td_error *err) {
    int found = 0;
    char *path = tdi_path_join(folder, name);
    td_status status = path ? is_bundle(path, &found, err) : tdi_fail_memory(err);
    if (!found) {
        tdi_free(path);
        return status;
    }
    tdi_free(*newest);
    *newest = path;
    *newest_version = version;
    return TD_OK;
}

/* The subfolder of the highest number that is a bundle; *out is NULL where there is none. */
static td_status find_newest(const char *folder, char **out, td_error *err) {
    char **names, *newest = NULL;
    size_t count;
    int64_t version, newest_version = -1;
    TD_TRY(tdi_folder_list(folder, &names, &count, err));
    td_status status = TD_OK;
    for (size_t i = 0; i < count && status == TD_OK; i++)
        if (!tdi_parse_int(names[i], 0, INT32_MAX, &version) && version > newest_version)
            status = take_if_bundle(folder, names[i], version, &newest_version, &newest, err);
    tdi_names_free(names, count);
    if (status == TD_OK)
        *out = newest;
    else
        tdi_free(newest);
    return status;
}

/* An entry of a repository: a bundle, or the versions of one. Anything else is none of our
 * business. */
static td_status add_entry(tdi_repository *repository, const char *folder, td_error *err) {
    char *newest;
    int found = 0;
    if (!tdi_path_is_folder(folder))
        return TD_OK;
    TD_TRY(is_bundle(folder, &found, err));
    if (found)
        return add_bundle(repository, folder, err);
    TD_TRY(find_newest(folder, &newest, err));
    td_status status = newest ? add_bundle(repository, newest, err) : TD_OK;
    tdi_free(newest);
    return status;
}

static td_status add_path(tdi_repository *repository, const char *path, td_error *err) {
    char **names;
    size_t count, before = repository->count;
    int found = 0;
    TD_TRY(is_bundle(path, &found, err));
    if (found)
        return add_bundle(repository, path, err);
    TD_TRY(tdi_folder_list(path, &names, &count, err));
    td_status status = TD_OK;
    for (size_t i = 0; i < count && status == TD_OK; i++) {
        if (names[i][0] == '.')
            continue;
        char *entry = tdi_path_join(path, names[i]);
        status = entry ? add_entry(repository, entry, err) : tdi_fail_memory(err);
        tdi_free(entry);
    }
    tdi_names_free(names, count);
    if (status == TD_OK && repository->count == before)
        status = tdi_fail(err, TD_NOT_FOUND,
                          "there is no bundle in %s: give a bundle, or a folder of bundles "
                          "(<name>/ or <name>/<version>/); `tandem prepare` makes them",
                          path);
    return status;
}

td_status tdi_repository_open(const char *const *paths, size_t count, tdi_repository *out,
                              td_error *err) {
    tdi_repository repository = {NULL, 0};
    td_status status = TD_OK;
    if (!count)
        status = tdi_fail(err, TD_ARGUMENT, "no bundles: give a bundle or a folder of them");
    for (size_t i = 0; i < count && status == TD_OK; i++)
        status = add_path(&repository, paths[i], err);
    if (status == TD_OK)
        *out = repository;
    else
        tdi_repository_clear(&repository);
    return status;
}

void tdi_repository_clear(tdi_repository *repository) {
    for (size_t i = 0; i < repository->count; i++)
        tdi_bundle_free(repository->bundles[i]);
    tdi_free(repository->bundles);
    *repository = (tdi_repository){NULL, 0};
}

const tdi_bundle *tdi_repository_find(const tdi_repository *repository, const char *name) {
    for (size_t i = 0; i < repository->count; i++)
        if (!strcmp(repository->bundles[i]->name, name))
            return repository->bundles[i];
    return NULL;
}
