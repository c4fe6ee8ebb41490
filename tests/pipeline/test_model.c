/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/pipeline.h"
#include "tiny_model.h"

static void an_onnx_file_tells_what_it_is(void **state) {
    tiny *t = *state;
    td_tensor_info info;
    char shape[96];
    assert_string_equal(td_model_name(t->model), "tiny");
    assert_int_equal(td_model_input_count(t->model), 1);
    assert_int_equal(td_model_input(t->model, 0, &info), TD_OK);
    td_shape_format(&info.shape, shape, sizeof shape);
    assert_string_equal(info.name, "input");
    assert_string_equal(shape, "Nx3x32x32");
    assert_int_equal(td_model_output(t->model, 0, &info), TD_OK);
    td_shape_format(&info.shape, shape, sizeof shape);
    assert_string_equal(shape, "Nx10");
    assert_int_equal(td_model_output(t->model, 1, &info), TD_ARGUMENT);
    assert_int_equal(td_model_output_kind(t->model), TD_OUTPUT_LOGITS);
    const int64_t pixels = TINY_SIDE * TINY_SIDE, c = TINY_CHANNELS;
    assert_int_equal(td_model_macs(t->model),
                     pixels * 9 * c * 3 + pixels * 9 * c * c + c * TINY_CLASSES);
    assert_int_equal(td_model_parameters(t->model), 9 * c * 3 + 9 * c * c + c * TINY_CLASSES);
}

static void operators_are_counted_by_type(void **state) {
    tiny *t = *state;
    td_operator_info info;
    int64_t macs = 0;
    size_t nodes = 0;
    for (size_t i = 0; td_model_operator(t->model, i, &info) == TD_OK; i++) {
        macs += info.macs;
        nodes += info.nodes;
        if (!strcmp(info.type, "Conv"))
            assert_int_equal(info.nodes, 2);
    }
    assert_int_equal(nodes, 8);
    assert_int_equal(macs, td_model_macs(t->model));
}

static void recipe_and_kind_follow_from_the_graph(void **state) {
    tiny *t = *state;
    char path[512], folder[256];
    td_model *model;
    const td_recipe *recipe = td_model_recipe(t->model);
    assert_int_equal(recipe->color, TD_COLOR_RGB);
    assert_int_equal(recipe->width, TINY_SIDE);
    assert_float_equal(recipe->mean[0], 0.485, 1e-6);
    test_folder(folder);
    must(td_model_open(tiny_write(folder, (tiny_settings){1, 1}, path), &model, err));
    recipe = td_model_recipe(model);
    assert_int_equal(recipe->color, TD_COLOR_GRAY);
    assert_float_equal(recipe->mean[0], 0, 0);
    assert_float_equal(recipe->std[0], 1, 0);
    assert_int_equal(td_model_output_kind(model), TD_OUTPUT_PROBABILITIES);
    td_model_unref(model);
    tdi_folder_remove(folder, NULL);
}

static void every_single_cut_is_listed_in_order(void **state) {
    tiny *t = *state;
    static const char *const expected[] = {"conv1", "relu1", "add", "relu2", "avgpool", "flatten"};
    assert_int_equal(td_model_cut_count(t->model), 6);
    for (size_t i = 0; i < 6; i++) {
        td_cut_info info;
        assert_int_equal(td_model_cut(t->model, i, &info), TD_OK);
        assert_string_equal(info.name, expected[i]);
        assert_int_equal(info.tensor_count, 1);
    }
}

static void the_words_input_and_output_are_cuts(void **state) {
    tiny *t = *state;
    td_cut_info info;
    char shape[96];
    must(td_model_cut_find(t->model, "input", &info, err));
    assert_string_equal(info.name, "input");
    assert_int_equal(info.tensors[0].dtype, TD_DTYPE_U8);
    td_shape_format(&info.tensors[0].shape, shape, sizeof shape);
    assert_string_equal(shape, "Nx32x32x3");
    assert_int_equal(info.elements, 3 * 32 * 32);
    assert_float_equal(info.head_share, 0, 0);
    must(td_model_cut_find(t->model, "output", &info, err));
    assert_float_equal(info.head_share, 1, 0);
    assert_int_equal(info.elements, TINY_CLASSES);
    must(td_model_cut_find(t->model, "logits", &info, err));
    assert_string_equal(info.name, "output");
}

static void several_tensors_make_a_cut_in_any_order(void **state) {
    tiny *t = *state;
    td_cut_info info, again;
    must(td_model_cut_find(t->model, "conv2,relu1", &info, err));
    assert_string_equal(info.name, "relu1,conv2");
    assert_int_equal(info.tensor_count, 2);
    assert_int_equal(info.elements, 2 * TINY_CHANNELS * TINY_SIDE * TINY_SIDE);
    must(td_model_cut_find(t->model, "relu1,conv2", &again, err));
    assert_ptr_equal(info.name, again.name);
}

static void wrong_cuts_are_refused_with_a_reason(void **state) {
    tiny *t = *state;
    td_cut_info info;
    td_error error = {0};
    assert_int_equal(td_model_cut_find(t->model, "relu3", &info, &error), TD_NOT_FOUND);
    assert_non_null(strstr(error.message, "relu2"));
    assert_int_equal(td_model_cut_find(t->model, "conv2", &info, &error), TD_CUT);
    assert_non_null(strstr(error.message, "relu1"));
    assert_int_equal(td_model_cut_find(t->model, "", &info, &error), TD_ARGUMENT);
}

static void classes_without_labels_are_called_by_number(void **state) {
    tiny *t = *state;
    assert_string_equal(td_model_label(t->model, 7).name, "7");
    assert_string_equal(td_model_label(t->model, 7).id, "");
    assert_string_equal(td_model_label(t->model, TINY_CLASSES).name, "?");
    assert_string_equal(td_model_label(t->model, -1).name, "?");
}

static void a_model_without_picture_input_is_inspected_but_not_run(void **state) {
    char path[512], folder[256];
    td_model *model;
    td_head *head;
    td_cut_info info;
    td_error error = {0};
    (void)state;
    test_folder(folder);
    must(td_model_open(tiny_write(folder, (tiny_settings){2, 0}, path), &model, err));
    assert_int_equal(td_model_cut_count(model), 6);
    assert_int_equal(td_head_open(model, "relu1", NULL, &head, &error), TD_UNSUPPORTED);
    assert_non_null(strstr(error.message, "1 or 3 channels"));
    must(td_model_cut_find(model, "input", &info, err));
    assert_int_equal(info.tensors[0].dtype, TD_DTYPE_F32);
    must(td_model_split(model, "relu1", NULL, folder, err));
    td_model_unref(model);
    tdi_folder_remove(folder, NULL);
}

static void a_model_for_batches_is_told_to_be_exported_otherwise(void **state) {
    char path[512], folder[256];
    td_model *model;
    td_head *head;
    td_error error = {0};
    (void)state;
    test_folder(folder);
    must(td_model_open(tiny_write(folder, (tiny_settings){3, 0}, path), &model, err));
    model->graph->values[model->graph->inputs[0]].shape.dim[0] = 4;
    assert_int_equal(td_head_open(model, "relu1", NULL, &head, &error), TD_UNSUPPORTED);
    assert_non_null(strstr(error.message, "takes batches of 4"));
    td_model_unref(model);
    tdi_folder_remove(folder, NULL);
}

/* Runs a picture of that size through the whole network; the first output. */
static float first_output(td_model *model, int32_t width, int32_t height) {
    td_picture picture = {width, height, 3, tdi_calloc((size_t)(width * height), 3)};
    td_head *head;
    const void *outputs[1];
    for (int i = 0; i < width * height * 3; i++)
        picture.pixels[i] = (uint8_t)(i * 7);
    must(td_head_open(model, "output", NULL, &head, err));
    must(td_head_run(head, &picture, outputs, err));
    float value = *(const float *)outputs[0];
    td_head_close(head);
    td_picture_clear(&picture);
    return value;
}

static td_input_shape sized(const char *text) {
    td_input_shape shape = {NULL, {0, {0}}};
    must(td_shape_parse(text, &shape.shape, err));
    return shape;
}

static void open_sizes_are_bound_when_a_model_is_opened(void **state) {
    char path[512], folder[256];
    td_model *model;
    td_error error = {0};
    td_tensor_info info;
    (void)state;
    test_folder(folder);
    tiny_write_open(folder, path);
    assert_int_equal(td_model_open(path, &model, &error), TD_ARGUMENT);
    assert_non_null(strstr(error.message, "axis 2 (height), axis 3 (width)"));
    const td_input_shape shape = sized("Nx3x24x40");
    const td_model_settings settings = {&shape, 1};
    must(td_model_open_with(path, &settings, &model, err));
    assert_int_equal(td_model_input(model, 0, &info), TD_OK);
    assert_int_equal(info.shape.dim[0], TD_DIM_SYMBOLIC);
    assert_int_equal(info.shape.dim[3], 40);
    assert_int_equal(td_model_recipe(model)->width, 40);
    td_model_unref(model);
    tdi_folder_remove(folder, NULL);
}

static void a_rebound_model_is_the_same_network_for_another_size(void **state) {
    char path[512], folder[256];
    td_model *small, *large, *fresh;
    (void)state;
    test_folder(folder);
    tiny_write_open(folder, path);
    const td_input_shape shapes[2] = {sized("1x3x16x16"), sized("1x3x32x24")};
    const td_model_settings settings[2] = {{&shapes[0], 1}, {&shapes[1], 1}};
    must(td_model_open_with(path, &settings[0], &small, err));
    must(td_model_rebind(small, &shapes[1], 1, &large, err));
    must(td_model_open_with(path, &settings[1], &fresh, err));
    float before = first_output(small, 16, 16);
    assert_ptr_equal(small->packs, large->packs);
    assert_true(first_output(large, 24, 32) == first_output(fresh, 24, 32));
    assert_true(first_output(small, 16, 16) == before);
    assert_string_equal(td_model_name(large), "open");
    td_model_unref(small);
    assert_string_equal(td_model_label(large, 0).name, "0");
    td_model_unref(large);
    td_model_unref(fresh);
    tdi_folder_remove(folder, NULL);
}

static void what_is_no_model_is_refused(void **state) {
    tiny *t = *state;
    td_model *model;
    char path[512];
    td_error error = {0};
    assert_int_not_equal(td_model_open("no/such/file.onnx", &model, &error), TD_OK);
    assert_non_null(strstr(error.message, "no/such/file.onnx"));
    snprintf(path, sizeof path, "%s/text.onnx", t->folder);
    must(tdi_file_write(path, "this is a text", 14, err));
    assert_int_equal(td_model_open(path, &model, &error), TD_FORMAT);
    assert_non_null(strstr(error.message, "text.onnx"));
    assert_int_not_equal(td_model_open(t->folder, &model, &error), TD_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_onnx_file_tells_what_it_is),
        cmocka_unit_test(operators_are_counted_by_type),
        cmocka_unit_test(recipe_and_kind_follow_from_the_graph),
        cmocka_unit_test(every_single_cut_is_listed_in_order),
        cmocka_unit_test(the_words_input_and_output_are_cuts),
        cmocka_unit_test(several_tensors_make_a_cut_in_any_order),
        cmocka_unit_test(wrong_cuts_are_refused_with_a_reason),
        cmocka_unit_test(classes_without_labels_are_called_by_number),
        cmocka_unit_test(a_model_without_picture_input_is_inspected_but_not_run),
        cmocka_unit_test(a_model_for_batches_is_told_to_be_exported_otherwise),
        cmocka_unit_test(open_sizes_are_bound_when_a_model_is_opened),
        cmocka_unit_test(a_rebound_model_is_the_same_network_for_another_size),
        cmocka_unit_test(what_is_no_model_is_refused),
    };
    return cmocka_run_group_tests(tests, tiny_setup, tiny_teardown);
}
