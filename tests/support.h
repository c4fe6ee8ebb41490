/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What several test programs need: cmocka with its prerequisites, test data that may be absent,
 * seeds.
 */
#ifndef TDT_SUPPORT_H
#define TDT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

/*
 * Path of a file that ships with the project ("models/fashion/model.onnx"). Each call returns one
 * of a few static buffers.
 */
static inline const char *test_source(const char *relative) {
    static char path[4][1024];
    static unsigned next;
    const char *root = getenv("TANDEM_SOURCE_ROOT");
    char *out = path[next++ % 4];
    snprintf(out, sizeof path[0], "%s/%s", root ? root : ".", relative);
    return out;
}

/*
 * Path of a file of the evaluation data, or NULL, with a line that says why, where it is absent:
 * skip() then. Looked for in TANDEM_DATA, else in shared/data beside the project.
 */
static inline const char *test_data(const char *relative) {
    static char path[4][1024];
    static unsigned next;
    const char *data = getenv("TANDEM_DATA"), *root = getenv("TANDEM_SOURCE_ROOT");
    char *out = path[next++ % 4];
    struct stat st;
    if (data)
        snprintf(out, sizeof path[0], "%s/%s", data, relative);
    else
        snprintf(out, sizeof path[0], "%s/../shared/data/%s", root ? root : ".", relative);
    if (stat(out, &st) == 0)
        return out;
    print_message("skipped: no %s (set TANDEM_DATA to the folder of evaluation data)\n", relative);
    return NULL;
}

/* The seed of a property test: SEED from the environment, else `fallback`; printed, so that a
 * failure can be repeated. */
static inline uint64_t test_seed(uint64_t fallback) {
    const char *text = getenv("SEED");
    uint64_t seed = text ? strtoull(text, NULL, 0) : fallback;
    print_message("SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

/* A fresh folder for the test's files under TMPDIR; the caller removes it. Returns `out`. */
static inline char *test_folder(char out[256]) {
    const char *base = getenv("TMPDIR");
    snprintf(out, 256, "%s/tandem-test-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(out));
    return out;
}

#endif
