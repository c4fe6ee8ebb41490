/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checking UTF-8.
 */
#include "media/utf8.h"

#include <stdint.h>
#include <string.h>

/* Bytes of the well-formed sequence at `s`, 0 where there is none; *code is what it stands for. */
static size_t sequence(const uint8_t *s, size_t left, uint32_t *code) {
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 0;
    if (!size || size > left)
        return 0;
    uint32_t v = size == 1 ? s[0] : s[0] & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        v = v << 6 | (s[i] & 0x3f);
    }
    if (v < least[size] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
        return 0;
    *code = v;
    return size;
}

size_t tdi_utf8_check(const char *text, size_t size, const char *allowed) {
    size_t at = 0;
    while (at < size) {
        uint32_t code;
        size_t step = sequence((const uint8_t *)text + at, size - at, &code);
        int is_control = step && (code < 0x20 || (code >= 0x7f && code < 0xa0));
        if (!step || (is_control && (!code || code >= 0x7f || !strchr(allowed, (int)code))))
            break;
        at += step;
    }
    return at;
}
