/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a path stands for: a picture file, a CIFAR file, a folder with an index, a folder of either
 * kind of file.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/status.h"
#include "media/picture.h"
#include "media/source.h"

#define INDEX_NAME      "index.csv"
#define INDEX_BYTES_MAX ((size_t)64 << 20)

static int has_ending(const char *name, const char *ending) {
    size_t size = strlen(name), tail = strlen(ending);
    return size > tail && !strcasecmp(name + size - tail, ending);
}

static int is_picture_name(const char *name) {
    static const char *const endings[] = {".jpg", ".jpeg", ".png", ".webp", ".bmp"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (has_ending(name, endings[i]))
            return 1;
    return 0;
}

static int is_record_name(const char *name) {
    return has_ending(name, ".bin");
}

typedef struct index_context {
    td_source *source;
    const char *folder;
} index_context;

static td_status add_index_line(void *user, const char *file, int32_t label, td_error *err) {
    index_context *context = user;
    char *path = tdi_path_join(context->folder, file);
    if (!path)
        return tdi_fail_memory(err);
    td_status status = tdi_source_add(context->source, path, label, err);
    tdi_free(path);
    return status;
}

static td_status add_index(td_source *source, const char *folder, const char *path, td_error *err) {
    uint8_t *bytes;
    size_t size, before = source->count;
    TD_TRY(tdi_file_read(path, INDEX_BYTES_MAX, &bytes, &size, err));
    index_context context = {source, folder};
    td_status status = tdi_index_parse((const char *)bytes, size, add_index_line, &context, err);
    tdi_free(bytes);
    if (status != TD_OK)
        return tdi_fail_prefix(err, status, "%s", path);
    if (source->count == before)
        return tdi_fail(err, TD_NOT_FOUND, "%s lists no pictures: give a file and its class a line",
                        path);
    return TD_OK;
}

static td_status add_picture(td_source *source, const char *path, td_error *err) {
    return tdi_source_add(source, path, -1, err);
}

/* The files of a folder whose names `wanted` accepts. Hidden ones and folders are passed over. */
static td_status add_names(td_source *source, const char *folder, char *const *names, size_t count,
                           int (*wanted)(const char *),
                           td_status (*add)(td_source *, const char *, td_error *), td_error *err) {
    td_status status = TD_OK;
    for (size_t i = 0; i < count && status == TD_OK; i++) {
        if (names[i][0] == '.' || !wanted(names[i]))
            continue;
        char *path = tdi_path_join(folder, names[i]);
        if (!path)
            return tdi_fail_memory(err);
        if (!tdi_path_is_folder(path))
            status = add(source, path, err);
        tdi_free(path);
    }
    return status;
}

static td_status add_folder(td_source *source, const char *folder, td_error *err) {
    char *index = tdi_path_join(folder, INDEX_NAME);
    if (!index)
        return tdi_fail_memory(err);
    int is_indexed = tdi_path_exists(index);
    td_status status = is_indexed ? add_index(source, folder, index, err) : TD_OK;
    tdi_free(index);
    if (is_indexed)
        return status;

    char **names;
    size_t count, before = source->count;
    TD_TRY(tdi_folder_list(folder, &names, &count, err));
    status = add_names(source, folder, names, count, is_picture_name, add_picture, err);
    if (status == TD_OK && source->count == before)
        status = add_names(source, folder, names, count, is_record_name, tdi_source_add_records,
                           err);
    tdi_names_free(names, count);
    if (status == TD_OK && source->count == before)
        status = tdi_fail(
            err, TD_NOT_FOUND,
            "the folder %s has no pictures: put .jpg, .jpeg, .png, .webp or .bmp files "
            "(or CIFAR .bin files) into it",
            folder);
    return status;
}

static td_status add_picture_file(td_source *source, const char *path, td_error *err) {
    uint8_t magic[TDI_PICTURE_MAGIC_BYTES];
    FILE *file = fopen(path, "rb");
    if (!file)
        return tdi_fail(err, errno == ENOENT ? TD_NOT_FOUND : TD_IO, "cannot open %s: %s", path,
                        strerror(errno));
    size_t size = fread(magic, 1, sizeof magic, file);
    fclose(file);
    if (tdi_picture_kind_of(magic, size) == TDI_PICTURE_NONE)
        return tdi_fail(err, TD_FORMAT,
                        "%s is not a picture: give a JPEG, PNG, WebP or BMP file, or CIFAR records "
                        "named .bin",
                        path);
    return tdi_source_add(source, path, -1, err);
}

td_status tdi_source_add_path(td_source *source, const char *path, td_error *err) {
    struct stat st;
    if (stat(path, &st))
        return tdi_fail(err, errno == ENOENT ? TD_NOT_FOUND : TD_IO, "cannot open %s: %s", path,
                        strerror(errno));
    if (S_ISDIR(st.st_mode))
        return add_folder(source, path, err);
    if (!S_ISREG(st.st_mode))
        return tdi_fail(err, TD_FORMAT, "%s is neither a file nor a folder", path);
    if (is_record_name(path))
        return tdi_source_add_records(source, path, err);
    return add_picture_file(source, path, err);
}
