/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two text files about pictures: label files and index.csv.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "media/labels.h"
#include "media/source.h"
#include "media/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, const char *allowed) {
    assert(tdi_utf8_check(text, strlen(text), allowed) == strlen(text));
}

static void read_labels(const char *text, size_t size) {
    tdi_labels *labels;
    td_error err = {TD_OK, 0, ""};
    if (tdi_labels_parse(text, size, &labels, &err) != TD_OK) {
        assert(err.message[0]);
        return;
    }
    assert(tdi_labels_count(labels) > 0);
    for (size_t i = 0; i < tdi_labels_count(labels); i++) {
        check_text(tdi_labels_id(labels, i), "");
        check_text(tdi_labels_name(labels, i), "");
        check_text(tdi_labels_description(labels, i), "");
        assert(*tdi_labels_name(labels, i));
    }
    tdi_labels_free(labels);
}

static td_status check_line(void *user, const char *file, int32_t label, td_error *err) {
    (void)user;
    (void)err;
    check_text(file, "");
    assert(*file && *file != '/' && strncmp(file, "../", 3) && !strstr(file, "/../") &&
           label >= -1);
    return TD_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + !size);
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    read_labels(text, size);
    td_error err = {TD_OK, 0, ""};
    if (tdi_index_parse(text, size, check_line, NULL, &err) != TD_OK)
        assert(err.offset >= 0 && (size_t)err.offset <= size && err.message[0]);
    free(text);
    return 0;
}
