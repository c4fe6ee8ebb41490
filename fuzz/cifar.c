/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of CIFAR records, through a source as a user opens one.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <tandem/picture.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[256], path[288];

static void remove_folder(void) {
    unlink(path);
    rmdir(folder);
}

static void make_folder(void) {
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/tandem-fuzz-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(folder))
        abort();
    snprintf(path, sizeof path, "%s/records.bin", folder);
    atexit(remove_folder);
}

static void read_all(const td_source *source, const uint8_t *data) {
    for (size_t i = 0; i < td_source_count(source); i++) {
        td_picture picture;
        td_source_item item;
        assert(td_source_read(source, i, &picture, &item, NULL) == TD_OK);
        assert(item.label == data[i * 3073] && picture.pixels[0] == data[i * 3073 + 1]);
        assert(picture.pixels[3071] == data[i * 3073 + 3072]);
        td_picture_clear(&picture);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!*folder)
        make_folder();
    FILE *file = fopen(path, "wb");
    if (!file)
        return 0;
    size_t written = size ? fwrite(data, 1, size, file) : 0;
    if (fclose(file) || written != size)
        return 0;
    const char *paths[] = {path};
    td_source *source;
    td_error err = {TD_OK, 0, ""};
    if (td_source_open(paths, 1, &source, &err) == TD_OK) {
        assert(size && size == 3073 * td_source_count(source));
        read_all(source, data);
        td_source_close(source);
    } else {
        assert(err.status == TD_FORMAT && (!size || size % 3073));
    }
    return 0;
}
