/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making the sample bundle.
 */
#include "sample.h"

#include "base/file.h"
#include "base/memory.h"

char sample_root[256];

const char *sample_at(const char *name) {
    static char path[4][600];
    static unsigned next;
    char *out = path[next++ % 4];
    snprintf(out, sizeof path[0], "%s/%s", sample_root, name);
    return out;
}

void sample_put(const char *name, const char *text) {
    assert_int_equal(tdi_file_write(sample_at(name), text, strlen(text), NULL), TD_OK);
}

char *sample_get(const char *name) {
    uint8_t *bytes;
    size_t size;
    td_error err = {0};
    if (tdi_file_read(sample_at(name), 1 << 24, &bytes, &size, &err))
        fail_msg("%s", err.message);
    char *text = malloc(size + 1);
    memcpy(text, bytes, size + 1);
    tdi_free(bytes);
    return text;
}

tdi_bundle sample_about(const char *name) {
    tdi_bundle about = {
        .name = (char *)(uintptr_t)name,
        .version = 3,
        .output_kind = TD_OUTPUT_LOGITS,
        .default_cut = (char *)(uintptr_t) "conv1",
        .default_codec = (char *)(uintptr_t) "uniform:levels=16,clip=3+pack",
        .model_path = (char *)(uintptr_t) "model.onnx",
        .labels_path = (char *)(uintptr_t) "labels.txt",
        .pictures_path = (char *)(uintptr_t)TDI_BUNDLE_PICTURES_PATH,
        .ranges_path = (char *)(uintptr_t)TDI_BUNDLE_RANGES_PATH,
    };
    assert_int_equal(td_recipe_parse("torch;size=224", &about.recipe, NULL), TD_OK);
    return about;
}

static void add_calibration(tdi_bundle_writer *writer, const char *cut) {
    td_layout layout = {TD_DTYPE_F32, TD_ORDER_CHW, 2, 1, 2};
    const float values[] = {1, 2, 3, 4};
    tdi_calibration_builder *builder = tdi_calibration_builder_new("conv1", &layout);
    td_calibration *calibration;
    tdi_calibration_builder_add(builder, values);
    assert_int_equal(tdi_calibration_builder_finish(builder, &calibration, NULL), TD_OK);
    tdi_calibration_builder_free(builder);
    tdi_calibration_set set = {.cut = tdi_strdup(cut), .tensor_count = 1};
    set.tensors = tdi_calloc(1, sizeof *set.tensors);
    set.tensors[0] = calibration;
    td_error err = {0};
    if (tdi_bundle_writer_calibration(writer, &set, &err))
        fail_msg("%s", err.message);
    tdi_calibration_set_clear(&set);
}

tdi_bundle_writer *sample_writer(const char *folder, int replace) {
    tdi_bundle_writer *writer;
    td_error err = {0};
    if (tdi_bundle_writer_new(folder, replace, &writer, &err))
        fail_msg("%s", err.message);
    tdi_hash pictures[2] = {tdi_hash_of("b", 1), tdi_hash_of("a", 1)};
    assert_int_equal(
        tdi_bundle_writer_add(writer, "model.onnx", SAMPLE_MODEL, strlen(SAMPLE_MODEL), NULL),
        TD_OK);
    assert_int_equal(
        tdi_bundle_writer_add(writer, "labels.txt", SAMPLE_LABELS, strlen(SAMPLE_LABELS), NULL),
        TD_OK);
    add_calibration(writer, "conv1");
    add_calibration(writer, SAMPLE_CUT);
    assert_int_equal(tdi_bundle_writer_pictures(writer, pictures, 2, NULL), TD_OK);
    tdi_ranges ranges = {0};
    assert_int_equal(tdi_ranges_add(&ranges, "relu1", 0, 6, NULL), TD_OK);
    assert_int_equal(tdi_bundle_writer_ranges(writer, &ranges, NULL), TD_OK);
    tdi_ranges_clear(&ranges);
    return writer;
}

void sample_bundle(const char *folder, const char *name) {
    tdi_bundle_writer *writer = sample_writer(sample_at(folder), 0);
    tdi_bundle about = sample_about(name);
    td_error err = {0};
    if (tdi_bundle_writer_finish(writer, &about, &err))
        fail_msg("%s", err.message);
    tdi_bundle_writer_free(writer);
}

int sample_setup(void **state) {
    (void)state;
    test_folder(sample_root);
    return 0;
}

int sample_teardown(void **state) {
    (void)state;
    return tdi_folder_remove(sample_root, NULL);
}
