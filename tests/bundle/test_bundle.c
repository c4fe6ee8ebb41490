/* SPDX-License-Identifier: Apache-2.0 */
/* Reading bundles: whole, edited by hand, damaged. */
#include "sample.h"

#include "base/file.h"
#include "base/memory.h"

static tdi_bundle *open_ok(const char *folder) {
    tdi_bundle *bundle;
    td_error err = {0};
    if (tdi_bundle_open(sample_at(folder), &bundle, &err))
        fail_msg("%s", err.message);
    return bundle;
}

static td_status open_error(const char *folder, td_error *err) {
    tdi_bundle *bundle;
    td_status status = tdi_bundle_open(sample_at(folder), &bundle, err);
    if (status == TD_OK)
        tdi_bundle_free(bundle);
    return status;
}

static void test_what_is_written_is_read_back(void **state) {
    (void)state;
    sample_bundle("b", "sample");
    tdi_bundle *bundle = open_ok("b");
    tdi_bundle about = sample_about("sample");
    assert_string_equal(bundle->name, "sample");
    assert_int_equal(bundle->version, 3);
    assert_memory_equal(&bundle->recipe, &about.recipe, sizeof about.recipe);
    assert_int_equal(bundle->output_kind, TD_OUTPUT_LOGITS);
    assert_string_equal(bundle->default_cut, about.default_cut);
    assert_string_equal(bundle->default_codec, about.default_codec);
    assert_int_equal(bundle->file_count, 6);
    assert_int_equal(bundle->cut_count, 2);
    assert_string_equal(bundle->cuts[1].name, SAMPLE_CUT);

    uint8_t *bytes;
    size_t size;
    int model = tdi_bundle_file_find(bundle, bundle->model_path);
    assert_int_equal(tdi_bundle_file_read(bundle, (size_t)model, &bytes, &size, NULL), TD_OK);
    assert_int_equal(size, strlen(SAMPLE_MODEL));
    assert_memory_equal(bytes, SAMPLE_MODEL, size);
    tdi_free(bytes);
    assert_int_equal(tdi_bundle_file_find(bundle, "nothing"), -1);

    tdi_labels *labels;
    assert_int_equal(tdi_bundle_labels(bundle, &labels, NULL), TD_OK);
    assert_string_equal(tdi_labels_description(labels, 0), "a small one");
    tdi_labels_free(labels);

    tdi_calibration_set set;
    assert_int_equal(tdi_bundle_calibration(bundle, SAMPLE_CUT, &set, NULL), TD_OK);
    assert_string_equal(set.cut, SAMPLE_CUT);
    assert_true(set.tensors[0]->mean == 2.5);
    tdi_calibration_set_clear(&set);
    td_error err = {0};
    assert_int_equal(tdi_bundle_calibration(bundle, "conv2", &set, &err), TD_NOT_FOUND);
    assert_non_null(strstr(err.message, "did you mean \"conv1\""));

    tdi_hash *pictures, a = tdi_hash_of("a", 1), b = tdi_hash_of("b", 1);
    assert_int_equal(tdi_bundle_pictures(bundle, &pictures, &size, NULL), TD_OK);
    assert_int_equal(size, 2);
    assert_true(memcmp(a.bytes, b.bytes, sizeof a.bytes) > 0);
    assert_true(tdi_hash_equal(&pictures[0], &b) && tdi_hash_equal(&pictures[1], &a));
    tdi_free(pictures);
    tdi_ranges ranges;
    assert_int_equal(tdi_bundle_ranges(bundle, &ranges, NULL), TD_OK);
    assert_non_null(tdi_ranges_find(&ranges, "relu1"));
    tdi_ranges_clear(&ranges);
    tdi_bundle_free(bundle);
}

static void test_the_hash_names_the_content(void **state) {
    (void)state;
    sample_bundle("one", "sample");
    sample_bundle("two", "sample");
    tdi_bundle *one = open_ok("one"), *two = open_ok("two");
    assert_true(tdi_hash_equal(&one->hash, &two->hash));
    tdi_bundle_free(one);
    tdi_bundle_free(two);
}

static void test_bundle_json_is_readable_text_in_a_fixed_order(void **state) {
    (void)state;
    sample_bundle("b", "sample");
    char *text = sample_get("b/bundle.json");
    static const char *const in_order[] = {
        "{\n  \"format\": 1,\n",
        "  \"name\": \"sample\",\n",
        "  \"version\": 3,\n",
        "  \"recipe\": \"color=rgb;scale=",
        "size=224x224;crop=center\",\n",
        "  \"output_kind\": \"logits\",\n",
        "  \"default_cut\": \"conv1\",\n",
        "  \"default_codec\": \"uniform:levels=16,clip=3+pack\",\n",
        "  \"model\": \"model.onnx\",\n",
        "  \"labels\": \"labels.txt\",\n",
        "  \"pictures\": \"calibration/pictures.txt\",\n",
        "  \"ranges\": \"calibration/ranges.tdr\",\n",
        "  \"cuts\": [\n",
        "  \"files\": [\n",
    };
    const char *at = text;
    for (size_t i = 0; i < sizeof in_order / sizeof *in_order; i++) {
        at = strstr(at, in_order[i]);
        if (!at)
            fail_msg("no %s at its place in\n%s", in_order[i], text);
    }
    free(text);
}

/* bundle.json with the first `from` replaced by `to`. */
static char *edited(const char *from, const char *to) {
    char *text = sample_get("b/bundle.json");
    char *at = strstr(text, from);
    if (!at)
        fail_msg("no %s in bundle.json", from);
    char *out = malloc(strlen(text) + strlen(to) + 1);
    sprintf(out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    free(text);
    return out;
}

static td_status parse_edited(const char *from, const char *to, td_error *err) {
    char *text = edited(from, to);
    tdi_bundle *bundle;
    td_status status = tdi_bundle_parse((const uint8_t *)text, strlen(text), NULL, &bundle, err);
    if (status == TD_OK)
        tdi_bundle_free(bundle);
    free(text);
    return status;
}

static void test_recipe_and_defaults_can_be_edited_by_hand(void **state) {
    (void)state;
    sample_bundle("b", "sample");
    char *text = sample_get("b/bundle.json");
    char *begin = strstr(text, "color=rgb"), *end = strchr(begin, '"');
    char recipe[300];
    snprintf(recipe, sizeof recipe, "%.*s", (int)(end - begin), begin);
    free(text);
    text = edited(recipe, "tf;size=96");
    sample_put("b/bundle.json", text);
    free(text);
    text = edited("\"default_cut\": \"conv1\",",
                  "\"remark\": [\"unknown keys are passed over\", {}],");
    sample_put("b/bundle.json", text);
    free(text);
    tdi_bundle *bundle = open_ok("b");
    assert_int_equal(bundle->recipe.width, 96);
    assert_true(bundle->recipe.mean[0] == 1);
    assert_null(bundle->default_cut);
    tdi_labels *labels;
    assert_int_equal(tdi_bundle_labels(bundle, &labels, NULL), TD_OK);
    tdi_labels_free(labels);
    tdi_bundle_free(bundle);
}

static void test_every_value_is_checked(void **state) {
    (void)state;
    static const struct {
        const char *from, *to;
        td_status status;
        const char *says;
    } cases[] = {
        {"\"format\": 1", "\"format\": 2", TD_VERSION, "format 2"},
        {"\"format\": 1", "\"format\": \"1\"", TD_FORMAT, "`format`"},
        {"\"format\": 1,", "", TD_FORMAT, "`format` is missing"},
        {"\"format\": 1", "\"format\": 0", TD_FORMAT, "`format`"},
        {"\"format\": 1", "\"format\": 1, \"format\": 1", TD_FORMAT, "duplicate"},
        {"\"sample\"", "\"../sample\"", TD_FORMAT, "`name`"},
        {"\"sample\"", "\".sample\"", TD_FORMAT, "`name`"},
        {"\"sample\"", "\"\"", TD_FORMAT, "`name`"},
        {"\"sample\"", "\"a b\"", TD_FORMAT, "`name`"},
        {"\"sample\"", "7", TD_FORMAT, "`name`"},
        {"\"name\": \"sample\",", "", TD_FORMAT, "`name` is missing"},
        {"\"sample\"", "\"0123456789012345678901234567890123456789012345678901234567890123x\"",
         TD_FORMAT, "`name`"},
        {"\"version\": 3", "\"version\": 0", TD_FORMAT, "`version`"},
        {"\"version\": 3", "\"version\": 3.5", TD_FORMAT, "`version`"},
        {"\"version\": 3", "\"version\": 99999999999", TD_FORMAT, "`version`"},
        {"scale=", "scale=x", TD_FORMAT, "`recipe`"},
        {"\"recipe\"", "\"receipt\"", TD_FORMAT, "`recipe` is missing"},
        {"\"logits\"", "\"logit\"", TD_FORMAT, "`output_kind`"},
        {"\"default_cut\": \"conv1\"", "\"default_cut\": \"\"", TD_FORMAT, "`default_cut`"},
        {"\"default_cut\": \"conv1\"", "\"default_cut\": \"a\\u0007\"", TD_FORMAT, "`default_cut`"},
        {"\"model\": \"model.onnx\"", "\"model\": \"other.onnx\"", TD_FORMAT, "does not list"},
        {"\"model\": \"model.onnx\"", "\"model\": \"/etc/passwd\"", TD_FORMAT, "`model`"},
        {"\"model\": \"model.onnx\",", "", TD_FORMAT, "`model` is missing"},
        {"\"labels\": \"labels.txt\"", "\"labels\": 1", TD_FORMAT, "`labels`"},
        {"\"path\": \"model.onnx\"", "\"path\": \"../model.onnx\"", TD_FORMAT, "files[0].path"},
        {"\"path\": \"model.onnx\"", "\"path\": \"/model.onnx\"", TD_FORMAT, "files["},
        {"\"path\": \"model.onnx\"", "\"path\": \"a\\\\b\"", TD_FORMAT, "files["},
        {"\"path\": \"model.onnx\"", "\"path\": \"a//b\"", TD_FORMAT, "files["},
        {"\"path\": \"model.onnx\"", "\"path\": \"a/./b\"", TD_FORMAT, "files["},
        {"\"path\": \"model.onnx\"", "\"path\": \"a/\"", TD_FORMAT, "files["},
        {"\"path\": \"model.onnx\"", "\"path\": \"a\\u0000b\"", TD_FORMAT, "\\u0000"},
        {"\"path\": \"model.onnx\"", "\"path\": \"bundle.json\"", TD_FORMAT, "itself"},
        {"\"path\": \"model.onnx\"", "\"path\": \"labels.txt\"", TD_FORMAT, "twice"},
        {"\"size\": ", "\"size\": -", TD_FORMAT, ".size"},
        {"\"size\": ", "\"size\": 9999999999", TD_FORMAT, ".size"},
        {"\"sha256\": \"", "\"sha256\": \"x", TD_FORMAT, ".sha256"},
        {"\"sha256\"", "\"sha512\"", TD_FORMAT, ".sha256"},
        {"\"files\": [", "\"files\": [1,", TD_FORMAT, "files[0]"},
        {"\"files\": [", "\"files\": 1, \"x\": [", TD_FORMAT, "`files`"},
        {"\"files\"", "\"folders\"", TD_FORMAT, "`files` is missing"},
        {"\"cuts\": [", "\"cuts\": {}, \"x\": [", TD_FORMAT, "`cuts`"},
        {"\"name\": \"conv1\"", "\"name\": \"layer1/conv 0,skip\"", TD_FORMAT, "twice"},
        {"\"calibration\": \"calibration/conv1.tdc\"", "\"calibration\": \"c/x.tdc\"", TD_FORMAT,
         "does not list"},
        {"{", "[", TD_FORMAT, "line"},
        {"{", "[],{", TD_FORMAT, "line 1"},
    };
    sample_bundle("b", "sample");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        td_error err = {0};
        td_status status = parse_edited(cases[i].from, cases[i].to, &err);
        if (status != cases[i].status || !strstr(err.message, cases[i].says) ||
            !strstr(err.message, "bundle.json"))
            fail_msg("%s -> %s: %s, %s", cases[i].from, cases[i].to, td_status_name(status),
                     status ? err.message : "accepted");
    }
}

static void test_every_prefix_of_bundle_json_is_refused(void **state) {
    (void)state;
    sample_bundle("b", "sample");
    char *text = sample_get("b/bundle.json");
    size_t whole = strlen(text) - 1; /* the last newline may go */
    for (size_t size = 0; size < whole; size++) {
        uint8_t *exact = malloc(size + !size);
        tdi_bundle *bundle;
        td_error err = {0};
        memcpy(exact, text, size);
        assert_int_equal(tdi_bundle_parse(exact, size, "somewhere", &bundle, &err), TD_FORMAT);
        assert_non_null(strstr(err.message, "somewhere/bundle.json"));
        free(exact);
    }
    free(text);
}

static void test_deep_and_large_json_is_refused(void **state) {
    (void)state;
    size_t size = (4u << 20) + 1;
    char *text = malloc(size);
    tdi_bundle *bundle;
    memset(text, '[', size);
    assert_int_equal(tdi_bundle_parse((uint8_t *)text, size, NULL, &bundle, NULL), TD_LIMIT);
    assert_int_equal(tdi_bundle_parse((uint8_t *)text, size - 1, NULL, &bundle, NULL), TD_FORMAT);
    free(text);
}

static td_status read_file(const tdi_bundle *bundle, size_t file, td_error *err) {
    uint8_t *bytes;
    size_t size;
    td_status status = tdi_bundle_file_read(bundle, file, &bytes, &size, err);
    if (status == TD_OK)
        tdi_free(bytes);
    return status;
}

static void test_each_damaged_file_is_named(void **state) {
    (void)state;
    sample_bundle("b", "sample");
    tdi_bundle *bundle = open_ok("b");
    for (size_t i = 0; i < bundle->file_count; i++) {
        char path[300];
        snprintf(path, sizeof path, "b/%s", bundle->files[i].path);
        uint8_t *bytes;
        size_t size;
        td_error err = {0};
        assert_int_equal(tdi_file_read(sample_at(path), 1 << 20, &bytes, &size, NULL), TD_OK);
        for (int damage = 0; damage < 4; damage++) {
            bytes[size / 2] ^= damage == 0;
            if (damage < 3)
                tdi_file_write(sample_at(path), bytes, size - (damage == 1) + (damage == 2), NULL);
            else
                remove(sample_at(path));
            bytes[size / 2] ^= damage == 0;
            assert_int_equal(read_file(bundle, i, &err), TD_MISMATCH);
            assert_non_null(strstr(err.message, bundle->files[i].path));
            assert_non_null(strstr(err.message, "again"));
        }
        assert_int_equal(tdi_file_write(sample_at(path), bytes, size, NULL), TD_OK);
        assert_int_equal(read_file(bundle, i, NULL), TD_OK);
        tdi_free(bytes);
    }
    tdi_bundle_free(bundle);
}

/* Puts other content into a file and makes bundle.json agree. */
static void replace_content(const char *path, const char *content) {
    char name[300], wanted[200], hash[TDI_HASH_TEXT_BYTES];
    snprintf(name, sizeof name, "b/%s", path);
    sample_put(name, content);
    char *text = sample_get("b/bundle.json");
    snprintf(wanted, sizeof wanted, "\"path\": \"%s\"", path);
    char *at = strstr(text, wanted);
    assert_non_null(at);
    char *size_at = strstr(at, "\"size\": "), *rest = strchr(strstr(at, "\"sha256\""), '}');
    tdi_hash digest = tdi_hash_of(content, strlen(content));
    tdi_hash_format(&digest, hash);
    char *out = malloc(strlen(text) + 400);
    sprintf(out, "%.*s\"size\": %zu, \"sha256\": \"%s\" %s", (int)(size_at - text), text,
            strlen(content), hash, rest);
    sample_put("b/bundle.json", out);
    free(text);
    free(out);
}

#define HASH_OF_A "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
#define HASH_OF_B "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"

static void test_content_that_is_no_labels_pictures_calibration_or_ranges_is_named(void **state) {
    (void)state;
    static const char both[] = HASH_OF_A "\n" HASH_OF_B "\n";
    static const char *const pictures[] = {"zz\n", "0123\n", HASH_OF_A, both};
    td_error err = {0};
    size_t count;
    sample_bundle("b", "sample");
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++) {
        tdi_hash *hashes;
        replace_content("calibration/pictures.txt", pictures[i]);
        tdi_bundle *bundle = open_ok("b");
        assert_int_equal(tdi_bundle_pictures(bundle, &hashes, &count, &err), TD_FORMAT);
        assert_non_null(strstr(err.message, "pictures.txt"));
        tdi_bundle_free(bundle);
    }
    tdi_labels *labels;
    tdi_calibration_set set;
    replace_content("labels.txt", "\n");
    replace_content("calibration/conv1.tdc", "TDCALIB?");
    replace_content("calibration/ranges.tdr", "TDRANGE?");
    tdi_bundle *bundle = open_ok("b");
    assert_int_equal(tdi_bundle_labels(bundle, &labels, &err), TD_FORMAT);
    assert_non_null(strstr(err.message, "labels.txt"));
    assert_int_equal(tdi_bundle_calibration(bundle, "conv1", &set, &err), TD_FORMAT);
    assert_non_null(strstr(err.message, "conv1.tdc"));
    tdi_ranges ranges;
    assert_int_equal(tdi_bundle_ranges(bundle, &ranges, &err), TD_FORMAT);
    assert_non_null(strstr(err.message, "ranges.tdr"));
    tdi_bundle_free(bundle);
}

static void test_calibration_offered_for_another_cut_is_refused(void **state) {
    (void)state;
    sample_bundle("b", "sample");
    char *text = edited("\"name\": \"conv1\"", "\"name\": \"conv9\"");
    sample_put("b/bundle.json", text);
    free(text);
    tdi_bundle *bundle = open_ok("b");
    tdi_calibration_set set;
    td_error err = {0};
    assert_int_equal(tdi_bundle_calibration(bundle, "conv9", &set, &err), TD_MISMATCH);
    assert_non_null(strstr(err.message, "conv1"));
    tdi_bundle_free(bundle);
}

static void test_what_a_bundle_leaves_out_is_absent_not_wrong(void **state) {
    (void)state;
    tdi_bundle_writer *writer;
    assert_int_equal(tdi_bundle_writer_new(sample_at("b"), 0, &writer, NULL), TD_OK);
    assert_int_equal(tdi_bundle_writer_add(writer, "model.onnx", "m", 1, NULL), TD_OK);
    tdi_bundle about = sample_about("least");
    about.labels_path = about.pictures_path = about.ranges_path = about.default_cut =
        about.default_codec = NULL;
    assert_int_equal(tdi_bundle_writer_finish(writer, &about, NULL), TD_OK);
    tdi_bundle_writer_free(writer);
    tdi_bundle *bundle = open_ok("b");
    tdi_labels *labels;
    tdi_hash *hashes;
    size_t count;
    assert_int_equal(tdi_bundle_labels(bundle, &labels, NULL), TD_OK);
    assert_null(labels);
    assert_int_equal(tdi_bundle_pictures(bundle, &hashes, &count, NULL), TD_OK);
    tdi_ranges ranges;
    assert_int_equal(tdi_bundle_ranges(bundle, &ranges, NULL), TD_OK);
    assert_int_equal(ranges.count, 0);
    assert_null(hashes);
    assert_int_equal(count, 0);
    assert_int_equal(bundle->cut_count, 0);
    tdi_bundle_free(bundle);
}

static void test_a_folder_without_bundle_json_is_no_bundle(void **state) {
    (void)state;
    td_error err = {0};
    assert_int_equal(open_error("", &err), TD_NOT_FOUND);
    assert_non_null(strstr(err.message, "tandem prepare"));
    assert_int_equal(open_error("nowhere", &err), TD_NOT_FOUND);
}

static void test_picture_hash_covers_size_and_pixels(void **state) {
    (void)state;
    uint8_t pixels[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    uint8_t bytes[24] = {4, 0, 0, 0, 1, 0, 0, 0, 3};
    memcpy(bytes + 12, pixels, 12);
    td_picture a = {4, 1, 3, pixels}, b = {1, 4, 3, pixels}, c = {4, 3, 1, pixels};
    tdi_hash ha = tdi_picture_hash(&a), hb = tdi_picture_hash(&b), hc = tdi_picture_hash(&c);
    tdi_hash expected = tdi_hash_of(bytes, sizeof bytes);
    assert_true(tdi_hash_equal(&ha, &expected));
    assert_false(tdi_hash_equal(&ha, &hb));
    assert_false(tdi_hash_equal(&ha, &hc));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_SAMPLE(test_what_is_written_is_read_back),
        WITH_SAMPLE(test_the_hash_names_the_content),
        WITH_SAMPLE(test_bundle_json_is_readable_text_in_a_fixed_order),
        WITH_SAMPLE(test_recipe_and_defaults_can_be_edited_by_hand),
        WITH_SAMPLE(test_every_value_is_checked),
        WITH_SAMPLE(test_every_prefix_of_bundle_json_is_refused),
        WITH_SAMPLE(test_deep_and_large_json_is_refused),
        WITH_SAMPLE(test_each_damaged_file_is_named),
        WITH_SAMPLE(test_content_that_is_no_labels_pictures_calibration_or_ranges_is_named),
        WITH_SAMPLE(test_calibration_offered_for_another_cut_is_refused),
        WITH_SAMPLE(test_what_a_bundle_leaves_out_is_absent_not_wrong),
        WITH_SAMPLE(test_a_folder_without_bundle_json_is_no_bundle),
        WITH_SAMPLE(test_picture_hash_covers_size_and_pixels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
