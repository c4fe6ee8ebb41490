/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 (FIPS 180-4), by OpenSSL.
 */
#ifndef TDI_BASE_HASH_H
#define TDI_BASE_HASH_H

#include <tandem/base.h>

#define TDI_HASH_BYTES      32
#define TDI_HASH_TEXT_BYTES 65 /* 64 hexadecimal digits and NUL */

typedef struct tdi_hash {
    uint8_t bytes[TDI_HASH_BYTES];
} tdi_hash;

tdi_hash tdi_hash_of(const void *data, size_t size);

/* Piecewise. */
typedef struct tdi_hasher tdi_hasher;
tdi_hasher *tdi_hasher_new(void); /* NULL when out of memory */
void tdi_hasher_add(tdi_hasher *hasher, const void *data, size_t size);
/* Ends and frees. */
tdi_hash tdi_hasher_end(tdi_hasher *hasher);

int tdi_hash_equal(const tdi_hash *a, const tdi_hash *b);
void tdi_hash_format(const tdi_hash *hash, char out[TDI_HASH_TEXT_BYTES]);
/* 0, or -1 where the text is not 64 hexadecimal digits. */
int tdi_hash_parse(const char *text, tdi_hash *out);

#endif
