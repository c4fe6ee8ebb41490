/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text from files that will be shown on terminals and in JSON.
 */
#ifndef TDI_MEDIA_UTF8_H
#define TDI_MEDIA_UTF8_H

#include <stddef.h>

/*
 * Offset of the first byte that is not part of well-formed UTF-8 (RFC 3629) or begins a control
 * character (U+0000..1F, U+7F..9F) that is not in `allowed`; `size` where there is none.
 */
size_t tdi_utf8_check(const char *text, size_t size, const char *allowed);

#endif
