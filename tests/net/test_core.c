/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server core with a driver that the test is: jobs wait until the test lets a worker have them,
 * bytes stay in the outbox until it takes them. No sockets, no threads, a clock that stands still.
 */
#include "fixture.h"

#include "device/identity.h"
#include "server/core.h"
#include "server/queue.h"

#define CONNECTIONS_MAX 8
#define JOBS_MAX        64

typedef struct link_end {
    tdi_peer *peer;
    int closing, abandoned;
    uint64_t results, drops, confirms;
    td_status drop_status;
} link_end;

typedef struct bench {
    const fixture *f;
    tdi_server_core *core;
    tdi_scratch scratch;
    link_end ends[CONNECTIONS_MAX];
    tdi_job *jobs[JOBS_MAX]; /* with the workers, in the order given */
    size_t job_count;
    td_model *model;
    tdi_coder *coder;
    tdi_identity identity;
} bench;

static const td_time now = TD_S(100);

static void take_job(void *user, int worker, tdi_job *job) {
    bench *b = user;
    assert_int_equal(job->worker, worker);
    assert_true(b->job_count < JOBS_MAX);
    b->jobs[b->job_count++] = job;
}

static void note_update(void *user, void *connection) {
    (void)user;
    (void)connection;
}

static void note_close(void *user, void *connection, int abandon) {
    link_end *end = connection;
    (void)user;
    end->closing = 1;
    end->abandoned |= abandon;
}

static void bench_init(bench *b, const fixture *f, int workers, int queue_max) {
    tdi_server_core_settings settings = {workers, 8, queue_max, TD_S(30), TD_PRECISION_F32};
    tdi_server_driver driver = {take_job, note_update, note_close, NULL, b};
    const char *const path = f->bundle;
    td_error error = {0};
    tdi_catalog catalog;
    memset(b, 0, sizeof *b);
    b->f = f;
    assert_int_equal(tdi_scratch_init(&b->scratch, TDI_SCRATCH_BYTES), 0);
    check_ok(tdi_catalog_open(&path, 1, &catalog, &error), &error);
    check_ok(tdi_server_core_new(&settings, &driver, &catalog, &b->core, &error), &error);
    check_ok(td_model_open(f->bundle, &b->model, &error), &error);
    check_ok(tdi_coder_open(b->model, "add", "raw", &b->coder, &error), &error);
    check_ok(tdi_identity_of(b->model, f->bundle, &b->identity, &error), &error);
}

/* What a device would read: counted, and gone from the outbox. */
static void read_outbox(bench *b, link_end *end) {
    tdi_outbox *outbox = tdi_peer_outbox(end->peer);
    tdi_span span;
    while (tdi_outbox_spans(outbox, &span, 1)) {
        tdi_header header;
        tdi_message message;
        assert_int_equal(tdi_header_decode(span.data, &header, NULL), TD_OK);
        assert_int_equal(
            tdi_message_decode(&header, span.data + TDI_HEADER_BYTES, &b->scratch, &message, NULL),
            TD_OK);
        end->confirms += message.type == TDI_MESSAGE_CONFIRM;
        end->results += message.type == TDI_MESSAGE_RESULT;
        end->drops += message.type == TDI_MESSAGE_DROP;
        if (message.type == TDI_MESSAGE_DROP)
            end->drop_status = message.drop.status;
        if (message.type == TDI_MESSAGE_READY)
            assert_int_equal(message.ready.status, TD_OK);
        tdi_server_core_sent(b->core, end->peer, span.size, now);
    }
}

static void say(bench *b, link_end *end, const tdi_message *message, size_t payload_bytes) {
    static uint8_t bytes[1 << 16];
    size_t size;
    assert_int_equal(
        tdi_message_encode(message, payload_bytes, &b->scratch, bytes, sizeof bytes, &size, NULL),
        TD_OK);
    assert_true(payload_bytes <= sizeof bytes - size);
    memset(bytes + size, 0, payload_bytes);
    tdi_server_core_recv(b->core, end->peer, bytes, size + payload_bytes, now);
}

/* Runs the first job that waits with a worker. */
static tdi_job_kind do_job(bench *b) {
    assert_true(b->job_count > 0);
    tdi_job *job = b->jobs[0];
    tdi_job_kind kind = job->kind;
    b->job_count--;
    memmove(&b->jobs[0], &b->jobs[1], b->job_count * sizeof b->jobs[0]);
    tdi_job_run(job, now);
    tdi_server_core_done(b->core, job, now);
    return kind;
}

static void do_all(bench *b) {
    while (b->job_count)
        do_job(b);
}

static link_end *join(bench *b, int index) {
    link_end *end = &b->ends[index];
    tdi_message hello = {.type = TDI_MESSAGE_HELLO, .hello = {1, 1, "test", 2000}};
    tdi_message request = {.type = TDI_MESSAGE_SWITCH};
    end->peer = tdi_server_core_accept(b->core, end, "test", now);
    assert_non_null(end->peer);
    say(b, end, &hello, 0);
    request.switch_request = tdi_identity_switch(&b->identity, "add", b->coder, 1, 0);
    request.switch_request.switch_id = 1;
    say(b, end, &request, 0);
    do_all(b);
    read_outbox(b, end);
    return end;
}

static void send_frame(bench *b, link_end *end, uint64_t id) {
    uint32_t size = TINY_CHANNELS * TINY_SIDE * TINY_SIDE * 4;
    tdi_message frame = {.type = TDI_MESSAGE_FRAME, .frame = {id, 1, &size, 1}};
    say(b, end, &frame, size);
}

static void leave(bench *b, link_end *end) {
    tdi_server_core_gone(b->core, end->peer);
    end->peer = NULL;
}

static td_server_stats bench_fini(bench *b) {
    td_server_stats stats;
    for (int i = 0; i < CONNECTIONS_MAX; i++)
        if (b->ends[i].peer)
            leave(b, &b->ends[i]);
    do_all(b);
    assert_true(tdi_server_core_is_idle(b->core));
    tdi_server_core_stats(b->core, &stats);
    assert_int_equal(stats.frames_received, stats.results_sent + stats.frames_dropped);
    assert_int_equal(stats.sessions_now, 0);
    tdi_server_core_free(b->core);
    tdi_coder_close(b->coder);
    td_model_unref(b->model);
    tdi_scratch_fini(&b->scratch);
    return stats;
}

/* One device that floods does not keep another waiting. */
static void devices_take_turns(void **state) {
    bench b;
    bench_init(&b, *state, 1, 1024);
    link_end *flood = join(&b, 0), *other = join(&b, 1);
    for (uint64_t id = 1; id <= 20; id++)
        send_frame(&b, flood, id);
    send_frame(&b, other, 1);
    for (int i = 0; i < TDI_WORKER_DEPTH + 2; i++)
        do_job(&b);
    read_outbox(&b, other);
    assert_int_equal(other->results, 1);
    do_all(&b);
    read_outbox(&b, flood);
    assert_int_equal(flood->results, 20);
    bench_fini(&b);
}

static void a_full_queue_refuses_with_busy(void **state) {
    bench b;
    bench_init(&b, *state, 1, 3);
    link_end *end = join(&b, 0);
    for (uint64_t id = 1; id <= 8; id++)
        send_frame(&b, end, id);
    read_outbox(&b, end);
    assert_int_equal(end->confirms, 8);
    assert_int_equal(end->drops, 8 - 3 - TDI_WORKER_DEPTH);
    assert_int_equal(end->drop_status, TD_BUSY);
    do_all(&b);
    read_outbox(&b, end);
    assert_int_equal(end->results, 3 + TDI_WORKER_DEPTH);
    bench_fini(&b);
}

static void a_device_that_goes_takes_its_frames_along(void **state) {
    bench b;
    bench_init(&b, *state, 2, 1024);
    link_end *gone = join(&b, 0), *stays = join(&b, 1);
    for (uint64_t id = 1; id <= 10; id++)
        send_frame(&b, gone, id);
    send_frame(&b, stays, 1);
    leave(&b, gone);
    do_all(&b);
    read_outbox(&b, stays);
    assert_int_equal(stays->results, 1);
    td_server_stats stats = bench_fini(&b);
    assert_int_equal(stats.frames_dropped, 10);
}

static void stopping_finishes_what_was_confirmed(void **state) {
    bench b;
    bench_init(&b, *state, 1, 1024);
    link_end *busy = join(&b, 0), *idle = join(&b, 1);
    for (uint64_t id = 1; id <= 5; id++)
        send_frame(&b, busy, id);
    tdi_server_core_stop(b.core, now);
    assert_true(idle->closing);
    assert_false(busy->closing);
    send_frame(&b, busy, 6); /* too late */
    do_all(&b);
    assert_true(busy->closing);
    read_outbox(&b, busy);
    assert_int_equal(busy->results, 5);
    assert_int_equal(busy->drops, 1);
    assert_int_equal(busy->drop_status, TD_CANCELLED);
    bench_fini(&b);
}

/* Results that are not read stop the computing for that device, not for others. */
static void a_device_that_does_not_read_is_not_computed_for(void **state) {
    bench b;
    bench_init(&b, *state, 1, 1024);
    link_end *deaf = join(&b, 0), *other = join(&b, 1);
    tdi_message ping = {.type = TDI_MESSAGE_PING, .ping = {1}};
    while (tdi_peer_is_hungry(deaf->peer))
        say(&b, deaf, &ping, 0);
    assert_true(tdi_peer_outbox(deaf->peer)->bytes > TDI_PEER_OUTBOX_MAX);
    send_frame(&b, deaf, 1);
    assert_int_equal(b.job_count, 0);
    send_frame(&b, other, 1);
    do_all(&b);
    read_outbox(&b, other);
    assert_int_equal(other->results, 1);
    read_outbox(&b, deaf);
    assert_true(tdi_peer_is_hungry(deaf->peer));
    do_all(&b);
    read_outbox(&b, deaf);
    assert_int_equal(deaf->results, 1);
    bench_fini(&b);
}

static void files_wait_behind_frames_but_not_for_ever(void **state) {
    tdi_queue queue;
    tdi_lane lane;
    static tdi_job frames[2 * TDI_FRAMES_BEFORE_FILE], file;
    (void)state;
    memset(&queue, 0, sizeof queue);
    memset(&lane, 0, sizeof lane);
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++)
        tdi_queue_push_frame(&queue, &lane, &frames[i]);
    tdi_fifo_push(&queue.files, &file);
    for (int i = 0; i < TDI_FRAMES_BEFORE_FILE; i++)
        assert_ptr_equal(tdi_queue_pop(&queue, 0), &frames[i]);
    assert_ptr_equal(tdi_queue_pop(&queue, 0), &file);
    assert_ptr_equal(tdi_queue_pop(&queue, 0), &frames[TDI_FRAMES_BEFORE_FILE]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devices_take_turns),
        cmocka_unit_test(a_full_queue_refuses_with_busy),
        cmocka_unit_test(a_device_that_goes_takes_its_frames_along),
        cmocka_unit_test(stopping_finishes_what_was_confirmed),
        cmocka_unit_test(a_device_that_does_not_read_is_not_computed_for),
        cmocka_unit_test(files_wait_behind_frames_but_not_for_ever),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
