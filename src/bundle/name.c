/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names in bundles.
 */
#include "bundle/name.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "media/utf8.h"

#define CUT_BYTES_MAX   100
#define SUFFIX_DIGITS   16
#define SUFFIX_BYTES    (1 + SUFFIX_DIGITS) /* "-0123456789abcdef" */
#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

/* Length of the name part that `text` begins with; 0 where it begins with none. */
static size_t part_size(const char *text) {
    return *text == '.' ? 0 : strspn(text, NAME_CHARACTERS);
}

int tdi_bundle_name_valid(const char *name) {
    size_t size = part_size(name);
    return size && !name[size] && size <= TDI_BUNDLE_NAME_BYTES_MAX;
}

int tdi_bundle_path_valid(const char *path) {
    if (strlen(path) > TDI_BUNDLE_PATH_BYTES_MAX)
        return 0;
    for (;;) {
        size_t size = part_size(path);
        if (!size)
            return 0;
        path += size;
        if (!*path)
            return 1;
        if (*path++ != '/')
            return 0;
    }
}

int tdi_bundle_text_valid(const char *text) {
    size_t size = strlen(text);
    return size && size <= TDI_BUNDLE_TEXT_BYTES_MAX && tdi_utf8_check(text, size, "") == size;
}

static int ends_like_suffix(const char *name, size_t size) {
    return size > SUFFIX_BYTES && name[size - SUFFIX_BYTES] == '-' &&
           strspn(name + size - SUFFIX_DIGITS, "0123456789abcdef") == SUFFIX_DIGITS;
}

void tdi_calibration_path(const char *cut, char out[TDI_CALIBRATION_PATH_BYTES]) {
    size_t size = strlen(cut);
    if (part_size(cut) == size && size <= CUT_BYTES_MAX && !ends_like_suffix(cut, size)) {
        snprintf(out, TDI_CALIBRATION_PATH_BYTES, "calibration/%s.tdc", cut);
        return;
    }
    char name[CUT_BYTES_MAX + 1], hash[TDI_HASH_TEXT_BYTES];
    size_t kept = size < CUT_BYTES_MAX ? size : CUT_BYTES_MAX;
    for (size_t i = 0; i < kept; i++)
        name[i] = (i || cut[i] != '.') && strchr(NAME_CHARACTERS, cut[i]) ? cut[i] : '_';
    name[kept] = 0;
    tdi_hash digest = tdi_hash_of(cut, size);
    tdi_hash_format(&digest, hash);
    snprintf(out, TDI_CALIBRATION_PATH_BYTES, "calibration/%s-%.*s.tdc", name, SUFFIX_DIGITS, hash);
}
