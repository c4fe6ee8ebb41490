/* SPDX-License-Identifier: Apache-2.0 */
/*
 * External data: bytes of a file that lies in the model's own folder, or of the model's file where
 * its outline was read.
 */
/* glibc declares realpath(), though POSIX has it, as part of XSI only. */
#define _XOPEN_SOURCE 700

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "graph/onnx/outline.h"
#include "graph/onnx/proto.h"

typedef struct place {
    const char *location;
    int64_t offset, length; /* length -1: to the end */
} place;

static td_status read_place(const Onnx__TensorProto *proto, const char *name, place *p,
                            td_error *err) {
    for (size_t i = 0; i < proto->n_external_data; i++) {
        const char *key = proto->external_data[i]->key, *value = proto->external_data[i]->value;
        int bad = !key || !value;
        if (!bad && !strcmp(key, "location"))
            p->location = value;
        else if (!bad && !strcmp(key, "offset"))
            bad = tdi_parse_int(value, 0, INT64_MAX, &p->offset);
        else if (!bad && !strcmp(key, "length"))
            bad = tdi_parse_int(value, 0, INT64_MAX, &p->length);
        if (bad)
            return tdi_fail(err, TD_FORMAT, "constant \"%.100s\": malformed external data entry",
                            name);
    }
    if (!p->location)
        return tdi_fail(err, TD_FORMAT, "constant \"%.100s\": external data without a location",
                        name);
    return TD_OK;
}

/* Whether the path is relative and never goes up. */
static int stays_below(const char *path) {
    if (!*path || *path == '/')
        return 0;
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (!strncmp(part, "..", 2) && (part[2] == '/' || part[2] == '\0'))
            return 0;
    }
    return 1;
}

/* The file's true path, where symbolic links do not lead out of the folder; NULL otherwise. To be
 * freed with free(). */
static char *resolve(const char *folder, const char *location) {
    char *joined = tdi_path_join(folder, location);
    char *root = realpath(folder, NULL);
    char *file = joined ? realpath(joined, NULL) : NULL;
    tdi_free(joined);
    size_t length = root ? strlen(root) : 0;
    if (length && root[length - 1] == '/')
        length--;
    int inside = file && root && !strncmp(file, root, length) && file[length] == '/';
    free(root);
    if (!inside) {
        free(file);
        return NULL;
    }
    return file;
}

static td_status check_range(const tdi_backing *file, const char *name, const place *p, size_t size,
                             td_error *err) {
    int64_t bytes = (int64_t)tdi_backing_bytes(file);
    int64_t left = p->offset <= bytes ? bytes - p->offset : -1;
    int64_t length = p->length >= 0 ? p->length : left;
    if (left < 0 || length > left || (uint64_t)length != size)
        return tdi_fail(err, TD_FORMAT,
                        "constant \"%.100s\" needs %zu bytes at %lld of \"%.100s\", which has %lld "
                        "bytes in all",
                        name, size, (long long)p->offset, p->location, (long long)bytes);
    return TD_OK;
}

static td_status open_file(const char *name, const place *p, const char *folder, tdi_backing **out,
                           td_error *err) {
    if (!folder)
        return tdi_fail(
            err, TD_UNSUPPORTED,
            "constant \"%.100s\" is in an external file, which a model in memory cannot "
            "have",
            name);
    if (!stays_below(p->location))
        return tdi_fail(err, TD_FORMAT,
                        "constant \"%.100s\": external data must be in the model's folder, not at "
                        "\"%.100s\"",
                        name, p->location);
    char *path = resolve(folder, p->location);
    if (!path)
        return tdi_fail(err, TD_NOT_FOUND,
                        "constant \"%.100s\": there is no \"%.100s\" in the model's folder", name,
                        p->location);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    td_status status = fd < 0 ? tdi_fail(err, TD_IO, "\"%.100s\" cannot be opened: %s", p->location,
                                         strerror(errno))
                              : tdi_backing_around(fd, path, out, err);
    free(path);
    return status == TD_OK ? TD_OK : tdi_fail_prefix(err, status, "constant \"%.100s\"", name);
}

/* Constants lie in few files, mostly in one: the last is kept. */
static td_status find_file(const char *name, const place *p, tdi_external *external,
                           tdi_backing **out, td_error *err) {
    if (external->own && !strcmp(p->location, TDI_OUTLINE_LOCATION)) {
        *out = external->own;
        return TD_OK;
    }
    if (!external->last || strcmp(external->location, p->location) != 0) {
        tdi_backing *file = NULL;
        TD_TRY(open_file(name, p, external->folder, &file, err));
        tdi_external_fini(external);
        external->last = file;
        external->location = tdi_strdup(p->location);
        if (!external->location)
            return tdi_fail_memory(err);
    }
    *out = external->last;
    return TD_OK;
}

void tdi_external_fini(tdi_external *external) {
    tdi_backing_unref(external->last);
    tdi_free(external->location);
    external->last = NULL;
    external->location = NULL;
}

td_status tdi_onnx_external(const Onnx__TensorProto *proto, const char *name,
                            tdi_external *external, size_t size, tdi_backing **file, size_t *offset,
                            td_error *err) {
    place p = {NULL, 0, -1};
    TD_TRY(read_place(proto, name, &p, err));
    TD_TRY(find_file(name, &p, external, file, err));
    TD_TRY(check_range(*file, name, &p, size, err));
    *offset = (size_t)p.offset;
    external->budget -= size;
    return TD_OK;
}
