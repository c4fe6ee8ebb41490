/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 by OpenSSL's EVP interface.
 */
#include "base/hash.h"

#include <string.h>

#include <openssl/evp.h>

#include "base/memory.h"

struct tdi_hasher {
    EVP_MD_CTX *context;
};

tdi_hasher *tdi_hasher_new(void) {
    tdi_hasher *hasher = tdi_calloc(1, sizeof *hasher);
    if (!hasher)
        return NULL;
    hasher->context = EVP_MD_CTX_new();
    if (!hasher->context || !EVP_DigestInit_ex(hasher->context, EVP_sha256(), NULL)) {
        EVP_MD_CTX_free(hasher->context);
        tdi_free(hasher);
        return NULL;
    }
    return hasher;
}

void tdi_hasher_add(tdi_hasher *hasher, const void *data, size_t size) {
    EVP_DigestUpdate(hasher->context, data, size);
}

tdi_hash tdi_hasher_end(tdi_hasher *hasher) {
    tdi_hash hash;
    memset(&hash, 0, sizeof hash);
    EVP_DigestFinal_ex(hasher->context, hash.bytes, NULL);
    EVP_MD_CTX_free(hasher->context);
    tdi_free(hasher);
    return hash;
}

tdi_hash tdi_hash_of(const void *data, size_t size) {
    tdi_hash hash;
    memset(&hash, 0, sizeof hash);
    EVP_Digest(data, size, hash.bytes, NULL, EVP_sha256(), NULL);
    return hash;
}

int tdi_hash_equal(const tdi_hash *a, const tdi_hash *b) {
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

void tdi_hash_format(const tdi_hash *hash, char out[TDI_HASH_TEXT_BYTES]) {
    static const char digit[] = "0123456789abcdef";
    for (size_t i = 0; i < TDI_HASH_BYTES; i++) {
        out[2 * i] = digit[hash->bytes[i] >> 4];
        out[2 * i + 1] = digit[hash->bytes[i] & 15];
    }
    out[2 * TDI_HASH_BYTES] = 0;
}

static int digit_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

int tdi_hash_parse(const char *text, tdi_hash *out) {
    if (strlen(text) != 2 * TDI_HASH_BYTES)
        return -1;
    for (size_t i = 0; i < TDI_HASH_BYTES; i++) {
        int high = digit_value(text[2 * i]), low = digit_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return -1;
        out->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}
