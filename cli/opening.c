/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --input-shape: the sizes of inputs that a file leaves open.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* "NAME=1x3x640x640", or the shape alone; a name may have "=" in it, a shape does not. */
static td_status parse(const char *text, td_input_shape *out, td_error *err) {
    const char *equals = strrchr(text, '=');
    td_status status = td_shape_parse(equals ? equals + 1 : text, &out->shape, err);
    if (status || !equals)
        return status;
    size_t length = (size_t)(equals - text);
    char *name = cli_alloc(length + 1, 1);
    memcpy(name, text, length);
    out->input = name;
    return TD_OK;
}

td_status cli_opening_parse(const arg_list *shapes, td_model_settings *out, td_error *err) {
    td_input_shape *parsed = cli_alloc(shapes->count + 1, sizeof *parsed);
    *out = td_model_settings_default();
    out->input_shapes = parsed;
    for (size_t i = 0; i < shapes->count; i++) {
        td_status status = parse(shapes->items[i], &parsed[i], err);
        if (status)
            return status;
        out->input_shape_count++;
    }
    return TD_OK;
}

void cli_opening_free(td_model_settings *settings) {
    for (size_t i = 0; i < settings->input_shape_count; i++)
        free((void *)(uintptr_t)settings->input_shapes[i].input);
    free((void *)(uintptr_t)settings->input_shapes);
    *settings = td_model_settings_default();
}
