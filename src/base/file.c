/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and folders of POSIX.
 */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/text.h"

static td_status fail_errno(td_error *err, const char *doing, const char *path, int code) {
    td_status status = code == ENOENT ? TD_NOT_FOUND : code == ENOMEM ? TD_MEMORY : TD_IO;
    return tdi_fail(err, status, "%s %s: %s", doing, path, strerror(code));
}

static td_status check_open(int fd, const char *path, size_t limit, struct stat *st,
                            td_error *err) {
    if (fstat(fd, st))
        return fail_errno(err, "cannot read", path, errno);
    if (S_ISDIR(st->st_mode))
        return tdi_fail(err, TD_IO, "cannot read %s: it is a folder", path);
    if (!S_ISREG(st->st_mode))
        return tdi_fail(err, TD_IO, "cannot read %s: it is not a regular file", path);
    if ((uint64_t)st->st_size > limit)
        return tdi_fail(err, TD_LIMIT, "%s has %lld bytes; at most %zu are accepted", path,
                        (long long)st->st_size, limit);
    return TD_OK;
}

td_status tdi_file_open(const char *path, size_t limit, int *out, td_error *err) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fail_errno(err, "cannot open", path, errno);
    td_status status = check_open(fd, path, limit, &st, err);
    if (status == TD_OK)
        *out = fd;
    else
        close(fd);
    return status;
}

static td_status read_open(int fd, const char *path, size_t limit, uint8_t **data, size_t *size,
                           td_error *err) {
    struct stat st;
    TD_TRY(check_open(fd, path, limit, &st, err));
    size_t wanted = (size_t)st.st_size, got = 0;
    uint8_t *bytes = tdi_malloc(wanted + 1);
    if (!bytes)
        return tdi_fail_memory(err);
    while (got < wanted) {
        ssize_t n = read(fd, bytes + got, wanted - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int code = errno;
            tdi_free(bytes);
            return fail_errno(err, "cannot read", path, code);
        }
        if (n == 0)
            break;
        got += (size_t)n;
    }
    bytes[got] = 0;
    *data = bytes;
    *size = got;
    return TD_OK;
}

td_status tdi_file_read(const char *path, size_t limit, uint8_t **data, size_t *size,
                        td_error *err) {
    int fd = -1;
    TD_TRY(tdi_file_open(path, limit, &fd, err));
    td_status status = read_open(fd, path, limit, data, size, err);
    close(fd);
    return status;
}

static int write_all(int fd, const uint8_t *data, size_t size) {
    while (size) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

/* Makes a file that did not exist beside `path`, with the permissions that the user's mask leaves.
 */
static int open_temporary(const char *path, char **name) {
    static atomic_uint counter;
    for (int tries = 0; tries < 100; tries++) {
        tdi_text text = {0};
        tdi_text_append(&text, "%s.%ld-%u.tmp", path, (long)getpid(),
                        atomic_fetch_add(&counter, 1));
        *name = tdi_text_take(&text);
        if (!*name) {
            errno = ENOMEM;
            return -1;
        }
        int fd = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST)
            return fd;
        tdi_free(*name);
        *name = NULL;
    }
    return -1;
}

td_status tdi_file_write(const char *path, const void *data, size_t size, td_error *err) {
    char *temporary = NULL;
    int fd = open_temporary(path, &temporary);
    if (fd < 0) {
        td_status status = fail_errno(err, "cannot write", path, errno);
        tdi_free(temporary);
        return status;
    }
    int failed = write_all(fd, data, size) || fsync(fd);
    int code = errno;
    if (close(fd) && !failed) {
        failed = 1;
        code = errno;
    }
    if (!failed && rename(temporary, path)) {
        failed = 1;
        code = errno;
    }
    if (failed)
        unlink(temporary);
    tdi_free(temporary);
    return failed ? fail_errno(err, "cannot write", path, code) : TD_OK;
}

int tdi_path_is_folder(const char *path) {
    struct stat st;
    return !stat(path, &st) && S_ISDIR(st.st_mode);
}

int tdi_path_exists(const char *path) {
    struct stat st;
    return !stat(path, &st);
}

char *tdi_path_join(const char *folder, const char *name) {
    tdi_text text = {0};
    size_t size = strlen(folder);
    tdi_text_append(&text, "%s%s%s", folder, size && folder[size - 1] == '/' ? "" : "/", name);
    return tdi_text_take(&text);
}

char *tdi_path_stem(const char *path, const char *suffix) {
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin && path[begin - 1] != '/')
        begin--;
    size_t size = end - begin, tail = strlen(suffix);
    if (size > tail && !memcmp(path + end - tail, suffix, tail))
        size -= tail;
    return tdi_strndup(path + begin, size);
}

td_status tdi_folder_make(const char *path, td_error *err) {
    char *part = tdi_strdup(path);
    if (!part)
        return tdi_fail_memory(err);
    td_status status = TD_OK;
    for (char *p = part + (*part == '/');; p++) {
        if (*p && *p != '/')
            continue;
        char end = *p;
        *p = 0;
        if (*part && mkdir(part, 0777) && !(errno == EEXIST && tdi_path_is_folder(part))) {
            status = fail_errno(err, "cannot make the folder", part, errno);
            break;
        }
        *p = end;
        if (!end)
            break;
    }
    tdi_free(part);
    return status;
}

td_status tdi_folder_remove(const char *path, td_error *err) {
    char **names;
    size_t count;
    TD_TRY(tdi_folder_list(path, &names, &count, err));
    td_status status = TD_OK;
    for (size_t i = 0; i < count && !status; i++) {
        char *entry = tdi_path_join(path, names[i]);
        struct stat st;
        if (!entry)
            status = tdi_fail_memory(err);
        else if (!lstat(entry, &st) && S_ISDIR(st.st_mode))
            status = tdi_folder_remove(entry, err);
        else if (unlink(entry))
            status = fail_errno(err, "cannot remove", entry, errno);
        tdi_free(entry);
    }
    tdi_names_free(names, count);
    if (!status && rmdir(path))
        status = fail_errno(err, "cannot remove", path, errno);
    return status;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

td_status tdi_folder_list(const char *path, char ***names, size_t *count, td_error *err) {
    DIR *folder = opendir(path);
    if (!folder)
        return fail_errno(err, "cannot open the folder", path, errno);
    char **list = NULL;
    size_t capacity = 0, found = 0;
    td_status status = TD_OK;
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(folder);
        if (!entry) {
            if (errno)
                status = fail_errno(err, "cannot read the folder", path, errno);
            break;
        }
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        char *name = tdi_strdup(entry->d_name);
        if (!name || tdi_grow(&list, &capacity, found + 1, sizeof *list)) {
            tdi_free(name);
            status = tdi_fail_memory(err);
            break;
        }
        list[found++] = name;
    }
    closedir(folder);
    if (status) {
        tdi_names_free(list, found);
        return status;
    }
    if (found)
        qsort(list, found, sizeof *list, compare_names);
    *names = list;
    *count = found;
    return TD_OK;
}

void tdi_names_free(char **names, size_t count) {
    for (size_t i = 0; i < count; i++)
        tdi_free(names[i]);
    tdi_free(names);
}
