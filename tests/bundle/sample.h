/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small bundle on disk, for tests.
 */
#ifndef TDT_SAMPLE_H
#define TDT_SAMPLE_H

#include "support.h"

#include "bundle/bundle.h"

#define SAMPLE_MODEL  "not really a model"
#define SAMPLE_LABELS "n1\tcat\ta small one\nn2\tdog\n"
#define SAMPLE_CUT    "layer1/conv 0,skip" /* cannot be a file name */

extern char sample_root[256]; /* folder that each test has for itself */

/* A path below sample_root; one of a few static buffers. */
const char *sample_at(const char *name);
void sample_put(const char *name, const char *text);
/* The whole file as text; free() it. */
char *sample_get(const char *name);

/* What a bundle's bundle.json says beside its files. Static strings. */
tdi_bundle sample_about(const char *name);
/* A writer that has got the model, labels, two calibrations and two pictures of the sample. */
tdi_bundle_writer *sample_writer(const char *folder, int replace);
/* Writes a whole bundle to `folder` below sample_root. */
void sample_bundle(const char *folder, const char *name);

int sample_setup(void **state);
int sample_teardown(void **state);

#define WITH_SAMPLE(f) cmocka_unit_test_setup_teardown(f, sample_setup, sample_teardown)

#endif
