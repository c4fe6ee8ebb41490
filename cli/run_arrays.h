/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tandem run --save: a network on NumPy files.
 */
#ifndef TANDEM_CLI_RUN_ARRAYS_H
#define TANDEM_CLI_RUN_ARRAYS_H

#include <stddef.h>

#include <tandem/model.h>

typedef struct run_arrays_settings {
    const char *model, *cut, *codec; /* cut and codec: NULL where not given */
    const td_model_settings *opening;
    const char *folder; /* of the outputs; made where it is missing */
    int threads;        /* 0: one per processor */
    td_precision precision;
    int json;
    const char *const *operands; /* "FILE.npy" or "NAME=FILE.npy" */
    size_t operand_count;
} run_arrays_settings;

/* Returns an exit code. */
int run_arrays(const run_arrays_settings *settings);

#endif
