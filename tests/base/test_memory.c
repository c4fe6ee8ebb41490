/* SPDX-License-Identifier: Apache-2.0 */
/* The replaceable heap, aligned blocks, growing arrays and the arena. */
#include "support.h"

#include "base/memory.h"

static void test_aligned_blocks_are_aligned_and_padded(void **state) {
    (void)state;
    for (size_t bytes = 0; bytes < 300; bytes += 7) {
        uint8_t *p = tdi_malloc_aligned(bytes);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % TDI_ALIGNMENT, 0);
        memset(p, 0xa5, bytes + TDI_EXTRA_BYTES);
        tdi_free_aligned(p);
    }
    assert_null(tdi_malloc_aligned(SIZE_MAX - 8));
    tdi_free_aligned(NULL);
}

static void test_calloc_refuses_overflow(void **state) {
    (void)state;
    assert_null(tdi_calloc(SIZE_MAX / 2, 3));
    uint8_t *p = tdi_calloc(0, 8);
    assert_non_null(p);
    tdi_free(p);
}

static void test_grow_keeps_content_and_refuses_overflow(void **state) {
    (void)state;
    int *array = NULL;
    size_t capacity = 0;
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(tdi_grow(&array, &capacity, i + 1, sizeof *array), 0);
        array[i] = (int)i;
    }
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(array[i], (int)i);
    assert_int_equal(tdi_grow(&array, &capacity, SIZE_MAX / 2, sizeof *array), -1);
    assert_int_equal(array[999], 999);
    tdi_free(array);
}

static void test_arena_zeroes_aligns_and_mixes_sizes(void **state) {
    (void)state;
    tdi_arena arena = {0};
    uint8_t *kept[200];
    for (size_t i = 0; i < 200; i++) {
        size_t bytes = i % 10 == 9 ? 40000 : i;
        kept[i] = tdi_arena_alloc(&arena, bytes);
        assert_non_null(kept[i]);
        assert_int_equal((uintptr_t)kept[i] % 16, 0);
        for (size_t j = 0; j < bytes; j++)
            assert_int_equal(kept[i][j], 0);
        memset(kept[i], (int)i, bytes);
    }
    for (size_t i = 1; i < 200; i++)
        assert_int_equal(kept[i][0], (uint8_t)i);
    assert_string_equal(tdi_arena_strndup(&arena, "abcdef", 3), "abc");
    assert_string_equal(tdi_arena_strdup(&arena, "abc"), "abc");
    assert_null(tdi_arena_alloc(&arena, SIZE_MAX));
    tdi_arena_free(&arena);
    assert_null(arena.head);
}

static int live;

static void *counting_malloc(size_t bytes, void *user) {
    (void)user;
    live++;
    return malloc(bytes);
}

static void *counting_calloc(size_t count, size_t bytes, void *user) {
    (void)user;
    live++;
    return calloc(count, bytes);
}

static void *counting_realloc(void *ptr, size_t bytes, void *user) {
    (void)user;
    live += !ptr;
    return realloc(ptr, bytes);
}

static void counting_free(void *ptr, void *user) {
    (void)user;
    live--;
    free(ptr);
}

static void test_replaced_heap_serves_everything(void **state) {
    (void)state;
    td_memory missing = {counting_malloc, counting_calloc, counting_realloc, NULL, NULL};
    assert_int_equal(td_memory_set(NULL), TD_ARGUMENT);
    assert_int_equal(td_memory_set(&missing), TD_ARGUMENT);
    td_memory counting = {counting_malloc, counting_calloc, counting_realloc, counting_free, NULL};
    assert_int_equal(td_memory_set(&counting), TD_OK);
    char *text = tdi_strdup("x");
    void *aligned = tdi_malloc_aligned(100);
    assert_int_equal(live, 2);
    td_free(text);
    tdi_free_aligned(aligned);
    assert_int_equal(live, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aligned_blocks_are_aligned_and_padded),
        cmocka_unit_test(test_calloc_refuses_overflow),
        cmocka_unit_test(test_grow_keeps_content_and_refuses_overflow),
        cmocka_unit_test(test_arena_zeroes_aligns_and_mixes_sizes),
        cmocka_unit_test(test_replaced_heap_serves_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
