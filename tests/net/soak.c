/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many devices on one server in one process: every frame has exactly one outcome, and resident
 * memory does not grow in the second half. Arguments: number of devices, frames per device. Runs on
 * the network that ships where it has been built, else on the tests' tiny one.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"

#define GROWTH_BYTES_MAX (1024 * 1024)
/* Too few frames for the heap to have settled by half of them. */
#define FRAMES_FOR_GROWTH 10000

typedef struct soak {
    fixture *f;
    const char *cuts[4];
    const char *codec;
    td_source *source;
    int devices, frames;
    atomic_size_t outcomes, results, faults;
    size_t half_rss;
    pthread_mutex_t lock; /* guards half_rss */
} soak;

typedef struct soak_device {
    soak *all;
    int index;
    pthread_t thread;
    td_device *device;
    uint8_t *seen; /* per frame id, how many outcomes */
} soak_device;

static size_t resident_bytes(void) {
    unsigned long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%lu %lu", &size, &resident) != 2)
        resident = 0;
    if (file)
        fclose(file);
    return (size_t)resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void note(soak *all, const td_outcome *outcome) {
    size_t total = (size_t)all->devices * (size_t)all->frames;
    atomic_fetch_add(&all->results, outcome->status == TD_OK);
    if (atomic_fetch_add(&all->outcomes, 1) + 1 != total / 2)
        return;
    pthread_mutex_lock(&all->lock);
    all->half_rss = resident_bytes();
    pthread_mutex_unlock(&all->lock);
}

static void *run_device(void *arg) {
    soak_device *d = arg;
    soak *all = d->all;
    td_error error = {0};
    td_outcome outcome;
    uint64_t id;
    int submitted = 0, taken = 0;
    size_t count = td_source_count(all->source);
    while (taken < all->frames) {
        if (submitted < all->frames && submitted - taken < 2) {
            td_picture picture;
            if (td_source_read(all->source, (size_t)submitted % count, &picture, NULL, &error) !=
                TD_OK)
                break;
            td_status status = td_device_submit(d->device, &picture, &id, &error);
            td_picture_clear(&picture);
            if (status != TD_OK)
                break;
            submitted++;
        } else {
            if (td_device_next(d->device, &outcome, &error) != TD_OK)
                break;
            taken++;
            if (outcome.id > (uint64_t)all->frames || d->seen[outcome.id]++)
                atomic_fetch_add(&all->faults, 1);
            note(all, &outcome);
        }
    }
    if (taken < all->frames) {
        print_message("device %d stopped after %d frames: %s\n", d->index, taken, error.message);
        atomic_fetch_add(&all->faults, 1);
    }
    return NULL;
}

static void start_device(soak *all, soak_device *d, int index) {
    td_error error = {0};
    td_device_settings settings = fixture_device_settings(all->f, all->cuts[index % 4], NULL);
    d->all = all;
    d->index = index;
    d->seen = calloc((size_t)all->frames + 1, 1);
    settings.codec = strcmp(settings.cut, "input") ? all->codec : NULL;
    settings.silence = TD_S(30); /* so many threads on few processors may be slow */
    check_ok(td_device_open(&settings, &d->device, &error), &error);
}

/* Uses the network that ships instead of the tiny one. */
static void use_fashion(soak *all) {
    td_error error = {0};
    fixture *f = all->f;
    const char *const pictures = test_source("models/fashion/calibration");
    snprintf(f->model, sizeof f->model, "%s", test_source("models/fashion/model.onnx"));
    snprintf(f->bundle, sizeof f->bundle, "%.255s/fashion", f->folder);
    td_prepare_settings prepare = td_prepare_settings_default();
    check_ok(td_source_open(&pictures, 1, &prepare.pictures, &error), &error);
    check_ok(td_source_limit(prepare.pictures, 10, &error), &error);
    prepare.model = f->model;
    prepare.bundle = f->bundle;
    check_ok(td_prepare(&prepare, &error), &error);
    td_source_close(prepare.pictures);
    const char *const path = test_source("models/fashion/pictures");
    check_ok(td_source_open(&path, 1, &all->source, &error), &error);
}

/* Cuts spread over the model: sent as a picture, and at three tensors. */
static void choose_cuts(soak *all) {
    static char names[3][512];
    td_error error = {0};
    td_model *model;
    check_ok(td_model_open(all->f->bundle, &model, &error), &error);
    size_t count = td_model_cut_count(model);
    all->cuts[0] = "input";
    for (size_t i = 0; i < 3; i++) {
        td_cut_info info;
        check_ok(td_model_cut(model, (i + 1) * (count - 1) / 4, &info), &error);
        snprintf(names[i], sizeof names[i], "%s", info.name);
        all->cuts[i + 1] = names[i];
    }
    td_model_unref(model);
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int report(soak *all, double seconds, size_t begin_rss) {
    size_t total = (size_t)all->devices * (size_t)all->frames, end_rss = resident_bytes();
    int64_t growth = (int64_t)end_rss - (int64_t)all->half_rss;
    td_server_stats stats;
    td_server_stats_get(all->f->server, &stats);
    printf("%d devices x %d frames on %s: %zu outcomes, %zu results, %zu faults, %.1f s, %.0f "
           "frames/s\n",
           all->devices, all->frames, all->f->bundle, (size_t)atomic_load(&all->outcomes),
           (size_t)atomic_load(&all->results), (size_t)atomic_load(&all->faults), seconds,
           (double)total / seconds);
    printf("resident: %.1f MB when all were connected, %.1f MB at half, %.1f MB at the end; second "
           "half %+.2f MB\n",
           (double)begin_rss / 1e6, (double)all->half_rss / 1e6, (double)end_rss / 1e6,
           (double)growth / 1e6);
    printf("server: %llu frames received, %llu results, %llu dropped\n",
           (unsigned long long)stats.frames_received, (unsigned long long)stats.results_sent,
           (unsigned long long)stats.frames_dropped);
    if (atomic_load(&all->outcomes) != total || atomic_load(&all->faults))
        return 1;
    if (total >= FRAMES_FOR_GROWTH && growth > GROWTH_BYTES_MAX)
        return 1;
    return 0;
}

int main(int argc, char **argv) {
    soak all = {.devices = argc > 1 ? atoi(argv[1]) : 64,
                .frames = argc > 2 ? atoi(argv[2]) : 1000};
    struct stat st;
    fixture_setup((void **)&all.f);
    all.codec = "uniform:levels=256,clip=3";
    pthread_mutex_init(&all.lock, NULL);
    if (stat(test_source("models/fashion/model.onnx"), &st) == 0)
        use_fashion(&all);
    fixture_start((void **)&all.f);
    choose_cuts(&all);
    soak_device *devices = calloc((size_t)all.devices, sizeof *devices);
    for (int i = 0; i < all.devices; i++)
        start_device(&all, &devices[i], i);
    size_t begin_rss = resident_bytes();
    double begin = seconds_now();
    if (!all.source)
        all.source = all.f->source;
    for (int i = 0; i < all.devices; i++)
        pthread_create(&devices[i].thread, NULL, run_device, &devices[i]);
    for (int i = 0; i < all.devices; i++)
        pthread_join(devices[i].thread, NULL);
    int failed = report(&all, seconds_now() - begin, begin_rss);
    for (int i = 0; i < all.devices; i++) {
        td_device_close(devices[i].device);
        free(devices[i].seen);
    }
    free(devices);
    if (all.source != all.f->source)
        td_source_close(all.source);
    fixture_stop((void **)&all.f);
    fixture_teardown((void **)&all.f);
    pthread_mutex_destroy(&all.lock);
    return failed;
}
