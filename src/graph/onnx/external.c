/* SPDX-License-Identifier: Apache-2.0 */
/*
 * External data: bytes of a file that lies in the model's own folder.
 */
/* glibc declares realpath(), though POSIX has it, as part of XSI only. */
#define _XOPEN_SOURCE 700

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
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

static int read_fully(int fd, void *out, size_t size, int64_t offset) {
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread(fd, (char *)out + done, size - done, (off_t)(offset + (int64_t)done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return -1;
        done += (size_t)got;
    }
    return 0;
}

static td_status read_at(int fd, const char *name, const place *p, void *out, size_t size,
                         td_error *err) {
    struct stat info;
    if (fstat(fd, &info) || !S_ISREG(info.st_mode))
        return tdi_fail(err, TD_IO, "constant \"%.100s\": \"%.100s\" is not a regular file", name,
                        p->location);
    int64_t left = p->offset <= info.st_size ? info.st_size - p->offset : -1;
    int64_t length = p->length >= 0 ? p->length : left;
    if (left < 0 || length > left || (uint64_t)length != size)
        return tdi_fail(err, TD_FORMAT,
                        "constant \"%.100s\" needs %zu bytes at %lld of \"%.100s\", which has %lld "
                        "bytes in all",
                        name, size, (long long)p->offset, p->location, (long long)info.st_size);
    if (read_fully(fd, out, size, p->offset))
        return tdi_fail(err, TD_IO, "constant \"%.100s\": \"%.100s\" cannot be read", name,
                        p->location);
    return TD_OK;
}

td_status tdi_onnx_external_read(const Onnx__TensorProto *proto, const char *name,
                                 tdi_external *external, void *out, size_t size, td_error *err) {
    place p = {NULL, 0, -1};
    TD_TRY(read_place(proto, name, &p, err));
    if (!external->folder)
        return tdi_fail(
            err, TD_UNSUPPORTED,
            "constant \"%.100s\" is in an external file, which a model in memory cannot "
            "have",
            name);
    if (!stays_below(p.location))
        return tdi_fail(err, TD_FORMAT,
                        "constant \"%.100s\": external data must be in the model's folder, not at "
                        "\"%.100s\"",
                        name, p.location);
    char *path = resolve(external->folder, p.location);
    if (!path)
        return tdi_fail(err, TD_NOT_FOUND,
                        "constant \"%.100s\": there is no \"%.100s\" in the model's folder", name,
                        p.location);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    free(path);
    if (fd < 0)
        return tdi_fail(err, TD_IO, "constant \"%.100s\": \"%.100s\" cannot be opened: %s", name,
                        p.location, strerror(errno));
    td_status status = read_at(fd, name, &p, out, size, err);
    close(fd);
    if (status == TD_OK)
        external->budget -= size;
    return status;
}
