/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device of the public API: a head, and behind it a connection or, without a server, the tail
 * in the same process.
 */
#include <string.h>
#include <uv.h>

#include <tandem/device.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/pool.h"
#include "base/status.h"
#include "device/fetch.h"
#include "device/identity.h"
#include "net/client.h"
#include "net/local.h"

#define THREADS_MAX 64

struct td_device {
    td_model *model;
    tdi_sender *sender;
    char *cut;
    uv_mutex_t submitting; /* one frame at a time goes through the head */
    int has_lock;
    uint64_t last_id, switch_id;
    tdi_client *client; /* with a server */
    tdi_local *local;   /* without */
};

td_device_settings td_device_settings_default(void) {
    td_device_settings s = {0};
    s.top = 5;
    s.window = 1;
    s.silence = TD_S(2);
    return s;
}

static td_status check(const td_device_settings *s, td_error *err) {
    if (!s->model)
        return tdi_fail(err, TD_ARGUMENT,
                        "the device needs a model: a file, a bundle, or the name of one");
    if (s->threads < 0 || s->threads > THREADS_MAX)
        return tdi_fail(err, TD_ARGUMENT, "threads is %d, it must be within 0..%d", s->threads,
                        THREADS_MAX);
    if (s->top < 1 || s->top > TD_TOP_MAX)
        return tdi_fail(err, TD_ARGUMENT, "top is %d, it must be within 1..%d", s->top, TD_TOP_MAX);
    if (s->window < 1 || s->window > TDI_WINDOW_MAX)
        return tdi_fail(err, TD_ARGUMENT, "window is %d, it must be within 1..%d", s->window,
                        TDI_WINDOW_MAX);
    if (s->silence < TD_MS(1) || s->silence > TD_MS(TDI_SILENCE_MS_MAX))
        return tdi_fail(err, TD_ARGUMENT, "silence must be within 1 ms .. 1 h");
    return TD_OK;
}

/* Settings with every default filled in but cut and codec, which the bundle may have. */
static td_device_settings complete(const td_device_settings *settings) {
    td_device_settings s = *settings;
    if (!s.threads)
        s.threads = tdi_cpu_count() < THREADS_MAX ? tdi_cpu_count() : THREADS_MAX;
    return s;
}

/* Fetching: a file's range comes over the connection. */
typedef struct remote_bundle {
    tdi_client *client;
    const char *model;
} remote_bundle;

static td_status read_range(void *user, const char *path, uint64_t offset, uint32_t length,
                            uint8_t *out, size_t *got, uint64_t *total, td_error *err) {
    const remote_bundle *remote = user;
    return tdi_client_read(remote->client, remote->model, path, offset, length, out, got, total,
                           err);
}

/* Where the model is here; fetched first where it is only a name. *path is freed with tdi_free().
 */
static td_status find_model(const td_device *device, const td_device_settings *s, char **path,
                            td_error *err) {
    if (!device->client || tdi_path_exists(s->model)) {
        *path = tdi_strdup(s->model);
        return *path ? TD_OK : tdi_fail_memory(err);
    }
    remote_bundle remote = {device->client, s->model};
    tdi_fetch_settings fetch = {s->cache,   s->model, s->cut,      TDI_CHUNK_BYTES_MAX,
                                read_range, &remote,  s->progress, s->progress_user};
    return tdi_fetch_bundle(&fetch, path, err);
}

static td_status open_head(td_device *device, const td_device_settings *s, const char *path,
                           td_error *err) {
    td_cut_info info;
    if (s->server && s->opening.input_shape_count)
        return tdi_fail(err, TD_ARGUMENT,
                        "with a server the sizes of the bundle's inputs count: bind others with "
                        "`tandem prepare --input-shape`");
    TD_TRY(td_model_open_with(path, &s->opening, &device->model, err));
    const tdi_bundle *bundle = device->model->bundle;
    const char *cut = s->cut ? s->cut : tdi_default_cut(bundle, s->server ? "input" : "output");
    const char *codec = s->codec ? s->codec : tdi_default_strategy(bundle, cut);
    TD_TRY(td_model_cut_find(device->model, cut, &info, err));
    device->cut = tdi_strdup(info.name);
    if (!device->cut)
        return tdi_fail_memory(err);
    const td_half_settings half = {s->threads, s->precision};
    return tdi_sender_open(device->model, device->cut, codec, &half, &device->sender, err);
}

static td_status open_tail(td_device *device, const td_device_settings *s, const char *path,
                           td_error *err) {
    const td_half_settings half = {s->threads, s->precision};
    tdi_identity identity;
    if (!device->client)
        return tdi_local_open(device->model, device->cut, td_device_codec(device), &half, s->top,
                              s->raw_outputs, &device->local, err);
    TD_TRY(tdi_identity_of(device->model, path, &identity, err));
    tdi_switch request = tdi_identity_switch(
        &identity, device->cut, tdi_sender_coder(device->sender), s->top, s->raw_outputs);
    TD_TRY(tdi_client_switch(device->client, &request, err));
    device->switch_id = request.switch_id;
    return TD_OK;
}

static td_status open_parts(td_device *device, const td_device_settings *s, td_error *err) {
    char *path = NULL;
    device->has_lock = uv_mutex_init(&device->submitting) == 0;
    if (!device->has_lock)
        return tdi_fail_memory(err);
    if (s->server) {
        tdi_client_settings client = {s->server, s->window, s->silence};
        TD_TRY(tdi_client_open(&client, &device->client, err));
    }
    td_status status = find_model(device, s, &path, err);
    if (status == TD_OK)
        status = open_head(device, s, path, err);
    if (status == TD_OK)
        status = open_tail(device, s, path, err);
    tdi_free(path);
    return status;
}

td_status td_device_open(const td_device_settings *settings, td_device **out, td_error *err) {
    TD_TRY(check(settings, err));
    td_device_settings s = complete(settings);
    td_device *device = tdi_calloc(1, sizeof *device);
    if (!device)
        return tdi_fail_memory(err);
    td_status status = open_parts(device, &s, err);
    if (status != TD_OK) {
        td_device_close(device);
        return status;
    }
    *out = device;
    return TD_OK;
}

void td_device_close(td_device *device) {
    if (!device)
        return;
    tdi_client_close(device->client);
    tdi_local_close(device->local);
    tdi_sender_close(device->sender);
    td_model_unref(device->model);
    if (device->has_lock)
        uv_mutex_destroy(&device->submitting);
    tdi_free(device->cut);
    tdi_free(device);
}

td_model *td_device_model(td_device *device) {
    return device->model;
}

const char *td_device_cut(const td_device *device) {
    return device->cut;
}

const char *td_device_codec(const td_device *device) {
    return tdi_coder_strategy(tdi_sender_coder(device->sender));
}

static td_status submit_local(td_device *device, const td_picture *picture, td_error *err) {
    tdi_sent sent;
    TD_TRY(tdi_local_reserve(device->local, err));
    td_time begun = tdi_now();
    TD_TRY(tdi_sender_frame(device->sender, picture, &sent, err));
    tdi_local_frame(device->local, ++device->last_id, &sent, begun);
    return TD_OK;
}

static td_status submit_remote(td_device *device, const td_picture *picture, td_error *err) {
    tdi_sent sent;
    TD_TRY(tdi_client_reserve(device->client, err));
    td_time begun = tdi_now();
    td_status status = tdi_sender_frame(device->sender, picture, &sent, err);
    if (status != TD_OK) {
        tdi_client_release(device->client);
        return status;
    }
    tdi_device_frame frame = {device->last_id + 1,
                              device->switch_id,
                              sent.bytes,
                              sent.size,
                              sent.sizes,
                              sent.tensor_count,
                              begun,
                              sent.ic,
                              sent.ec};
    TD_TRY(tdi_client_frame(device->client, &frame, err));
    device->last_id++;
    return TD_OK;
}

td_status td_device_submit(td_device *device, const td_picture *picture, uint64_t *id,
                           td_error *err) {
    uv_mutex_lock(&device->submitting);
    td_status status = device->client ? submit_remote(device, picture, err)
                                      : submit_local(device, picture, err);
    if (status == TD_OK)
        *id = device->last_id;
    uv_mutex_unlock(&device->submitting);
    return status;
}

td_status td_device_next(td_device *device, td_outcome *out, td_error *err) {
    return device->client ? tdi_client_next(device->client, out, err)
                          : tdi_local_next(device->local, out, err);
}
