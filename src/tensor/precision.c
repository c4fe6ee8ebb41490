/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of precisions.
 */
#include <string.h>

#include <tandem/tensor.h>

#include "base/status.h"

static const struct {
    const char *name;
    td_precision precision;
} names[] = {
#define NAME(name, value, text) {text, TD_PRECISION_##name},
    TD_PRECISION_MAP(NAME)
#undef NAME
};

const char *td_precision_name(td_precision precision) {
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].precision == precision)
            return names[i].name;
    return "?";
}

td_status td_precision_parse(const char *name, td_precision *out, td_error *err) {
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i].name, name) == 0) {
            *out = names[i].precision;
            return TD_OK;
        }
    return tdi_fail(err, TD_ARGUMENT, "there is no precision \"%s\": it is f32, bf16 or int8",
                    name);
}
