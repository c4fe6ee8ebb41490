/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recipes: what parses is written out, and that parses to the same bits.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <tandem/picture.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1), formatted[TD_RECIPE_TEXT_BYTES];
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    text[size] = 0;
    td_recipe recipe, again;
    td_error err = {TD_OK, 0, ""};
    if (td_recipe_parse(text, &recipe, &err) == TD_OK) {
        td_recipe_format(&recipe, formatted);
        td_status status = td_recipe_parse(formatted, &again, &err);
        assert(status == TD_OK && memcmp(&recipe, &again, sizeof recipe) == 0);
    } else {
        assert(err.offset >= 0 && (size_t)err.offset <= size && err.message[0]);
    }
    free(text);
    return 0;
}
