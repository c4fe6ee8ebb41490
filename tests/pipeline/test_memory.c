/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory runs out at every place in turn: the call fails, and nothing leaks.
 */
#include <stdatomic.h>

#include "tiny_model.h"

#include "pipeline/pipeline.h"

static atomic_long live, left; /* blocks in use; allocations until one fails, negative: none does */

static int fails(void) {
    return atomic_load(&left) >= 0 && atomic_fetch_sub(&left, 1) == 0;
}

static void *counted(void *ptr) {
    if (ptr)
        atomic_fetch_add(&live, 1);
    return ptr;
}

static void *test_malloc_block(size_t bytes, void *user) {
    (void)user;
    return fails() ? NULL : counted(malloc(bytes));
}

static void *test_calloc_block(size_t count, size_t bytes, void *user) {
    (void)user;
    return fails() ? NULL : counted(calloc(count, bytes));
}

static void *test_realloc_block(void *ptr, size_t bytes, void *user) {
    (void)user;
    if (fails())
        return NULL;
    return ptr ? realloc(ptr, bytes) : counted(realloc(ptr, bytes));
}

static void test_free_block(void *ptr, void *user) {
    (void)user;
    if (ptr)
        atomic_fetch_sub(&live, 1);
    free(ptr);
}

static char folder[256], model_path[512];

/* A model opened, cut, run on both sides and split. */
static td_status everything(td_error *err) {
    static uint8_t pixels[3 * 40 * 40];
    const td_picture picture = {40, 40, 3, pixels};
    td_model *model = NULL;
    tdi_sender *sender = NULL;
    tdi_receiver *receiver = NULL;
    td_cut_info info;
    tdi_sent sent;
    tdi_received received;
    static const char cut[] = "relu1,conv2", strategy[] = "uniform:levels=16,min=0,max=2+png";
    td_status status = td_model_open(model_path, &model, err);
    if (!status)
        status = td_model_cut_find(model, cut, &info, err);
    if (!status)
        status = tdi_sender_open(model, cut, strategy, NULL, &sender, err);
    if (!status)
        status = tdi_receiver_open(model, cut, strategy, NULL, &receiver, err);
    if (!status)
        status = tdi_sender_frame(sender, &picture, &sent, err);
    if (!status)
        status = tdi_receiver_frame(receiver, sent.bytes, sent.size, sent.sizes, sent.tensor_count,
                                    &received, err);
    if (!status)
        status = td_model_split(model, cut, strategy, folder, err);
    tdi_receiver_close(receiver);
    tdi_sender_close(sender);
    td_model_unref(model);
    return status;
}

static void running_out_of_memory_anywhere_fails_and_leaks_nothing(void **state) {
    long n = 0;
    td_status status = TD_MEMORY;
    (void)state;
    for (; status != TD_OK; n++) {
        td_error error = {0};
        long before = atomic_load(&live);
        atomic_store(&left, n);
        status = everything(&error);
        long unused = atomic_load(&left);
        atomic_store(&left, -1);
        if (status == TD_OK && unused < 0)
            fail_msg("allocation %ld failed and nobody noticed", n);
        if (atomic_load(&live) != before)
            fail_msg("allocation %ld: %ld blocks leaked", n, atomic_load(&live) - before);
    }
    print_message("%ld allocations\n", n - 1);
}

int main(void) {
    static const td_memory memory = {test_malloc_block, test_calloc_block, test_realloc_block,
                                     test_free_block, NULL};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(running_out_of_memory_anywhere_fails_and_leaks_nothing),
    };
    atomic_store(&left, -1);
    if (td_memory_set(&memory) != TD_OK)
        return 1;
    test_folder(folder);
    tiny_write(folder, (tiny_settings){3, 0}, model_path);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tdi_folder_remove(folder, NULL);
    return failed;
}
