/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The set of timings: entries sorted by key, behind a lock.
 */
#include "engine/timings.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/atomic.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"

#define FILE_BYTES_MAX ((size_t)TDI_TIMINGS_COUNT_MAX * 128)

typedef struct entry {
    char *key;
    tdi_timing timing;
} entry;

struct tdi_timings {
    tdi_refcount references;
    pthread_mutex_t lock;
    entry *entries;
    size_t count, capacity;
    int changed; /* since the file was read or written */
    td_progress_fn progress;
    void *progress_user;
};

tdi_timings *tdi_timings_new(void) {
    tdi_timings *timings = tdi_calloc(1, sizeof *timings);
    if (!timings)
        return NULL;
    if (pthread_mutex_init(&timings->lock, NULL) != 0) {
        tdi_free(timings);
        return NULL;
    }
    atomic_init(&timings->references, 1);
    return timings;
}

tdi_timings *tdi_timings_ref(tdi_timings *timings) {
    tdi_refcount_take(&timings->references);
    return timings;
}

void tdi_timings_unref(tdi_timings *timings) {
    if (!timings || tdi_refcount_drop(&timings->references) > 0)
        return;
    for (size_t i = 0; i < timings->count; i++)
        tdi_free(timings->entries[i].key);
    tdi_free(timings->entries);
    pthread_mutex_destroy(&timings->lock);
    tdi_free(timings);
}

void tdi_timings_set_progress(tdi_timings *timings, td_progress_fn progress, void *user) {
    timings->progress = progress;
    timings->progress_user = user;
}

void tdi_timings_report(tdi_timings *timings, size_t done, size_t total) {
    if (timings->progress)
        timings->progress("kernels timed for this machine, once", done, total,
                          timings->progress_user);
}

/* Index of the first entry not before `key`. */
static size_t position(const tdi_timings *timings, const char *key) {
    size_t low = 0, high = timings->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(timings->entries[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int holds(const tdi_timings *timings, size_t at, const char *key) {
    return at < timings->count && strcmp(timings->entries[at].key, key) == 0;
}

static int is_printable(const char *key) {
    for (; *key; key++)
        if (*key < ' ' || *key > '~')
            return 0;
    return 1;
}

/* -1: no memory. */
static int insert(tdi_timings *timings, const char *key, const tdi_timing *timing) {
    size_t at = position(timings, key);
    if (holds(timings, at, key) || timings->count >= TDI_TIMINGS_COUNT_MAX ||
        strlen(key) > TDI_TIMINGS_KEY_MAX || !is_printable(key))
        return 0;
    char *copy = tdi_strdup(key);
    if (!copy || tdi_grow(&timings->entries, &timings->capacity, timings->count + 1,
                          sizeof *timings->entries) != 0) {
        tdi_free(copy);
        return -1;
    }
    memmove(timings->entries + at + 1, timings->entries + at,
            (timings->count - at) * sizeof *timings->entries);
    timings->entries[at] = (entry){copy, *timing};
    timings->count++;
    return 0;
}

int tdi_timings_find(tdi_timings *timings, const char *key, tdi_timing *out) {
    pthread_mutex_lock(&timings->lock);
    size_t at = position(timings, key);
    int found = holds(timings, at, key);
    if (found)
        *out = timings->entries[at].timing;
    pthread_mutex_unlock(&timings->lock);
    return found;
}

td_status tdi_timings_add(tdi_timings *timings, const char *key, const tdi_timing *timing,
                          td_error *err) {
    pthread_mutex_lock(&timings->lock);
    int failed = insert(timings, key, timing);
    timings->changed = 1;
    pthread_mutex_unlock(&timings->lock);
    return failed ? tdi_fail_memory(err) : TD_OK;
}

/* The number that a line begins with; what follows it, or NULL. */
static char *parse_number(char *line, int64_t max, int64_t *out) {
    char *space = strchr(line, ' ');
    if (!space)
        return NULL;
    *space = '\0';
    return tdi_parse_int(line, 0, max, out) == 0 ? space + 1 : NULL;
}

/* 0, also for a line that says nothing; -1: no memory. */
static int parse_line(tdi_timings *timings, char *line) {
    enum { FORM_MAX = TDI_FORMS - 1 };
    int64_t time, in, out, bytes;
    char *key = parse_number(line, INT64_MAX / 2, &time);
    key = key ? parse_number(key, FORM_MAX, &in) : NULL;
    key = key ? parse_number(key, FORM_MAX, &out) : NULL;
    key = key ? parse_number(key, INT64_MAX / 2, &bytes) : NULL;
    if (!key)
        return 0;
    tdi_timing timing = {time, (int)in, (int)out, bytes};
    return insert(timings, key, &timing);
}

static void header(char out[96]) {
    char machine[65];
    tdi_timings_machine(machine);
    snprintf(out, 96, "tandem-timings 1 %s", machine);
}

/* Cuts `text` at its lines, the first of which must be the header. -1: no memory. */
static int parse_text(tdi_timings *timings, char *text) {
    char wanted[96];
    header(wanted);
    int first = 1, failed = 0;
    for (char *line = text, *end; *line && !failed; line = end) {
        end = line + strcspn(line, "\n");
        if (!*end)
            break; /* a line that was cut off */
        *end++ = '\0';
        if (first && strcmp(line, wanted) != 0)
            break;
        if (!first)
            failed = parse_line(timings, line);
        first = 0;
    }
    return failed;
}

td_status tdi_timings_parse(tdi_timings *timings, const char *data, size_t size, td_error *err) {
    char *text = tdi_strndup(data, size);
    if (!text)
        return tdi_fail_memory(err);
    pthread_mutex_lock(&timings->lock);
    int failed = parse_text(timings, text);
    pthread_mutex_unlock(&timings->lock);
    tdi_free(text);
    return failed ? tdi_fail_memory(err) : TD_OK;
}

td_status tdi_timings_load(tdi_timings *timings, const char *path, td_error *err) {
    uint8_t *data = NULL;
    size_t size = 0;
    if (!tdi_path_exists(path))
        return TD_OK;
    TD_TRY(tdi_file_read(path, FILE_BYTES_MAX, &data, &size, err));
    td_status status = tdi_timings_parse(timings, (const char *)data, size, err);
    tdi_free(data);
    return status;
}

static td_status write_file(tdi_timings *timings, const char *path, td_error *err) {
    tdi_text text = {0};
    char first[96];
    header(first);
    tdi_text_append(&text, "%s\n", first);
    for (size_t i = 0; i < timings->count; i++) {
        const tdi_timing *timing = &timings->entries[i].timing;
        tdi_text_append(&text, "%lld %d %d %lld %s\n", (long long)timing->time, timing->in,
                        timing->out, (long long)timing->weights_bytes, timings->entries[i].key);
    }
    td_status status = text.failed ? tdi_fail_memory(err)
                                   : tdi_file_write(path, text.data, text.size, err);
    tdi_text_fini(&text);
    return status;
}

td_status tdi_timings_save(tdi_timings *timings, const char *path, td_error *err) {
    pthread_mutex_lock(&timings->lock);
    int changed = timings->changed;
    timings->changed = 0;
    pthread_mutex_unlock(&timings->lock);
    if (!changed)
        return TD_OK;
    /* What other processes have written meanwhile stays. */
    tdi_timings_load(timings, path, NULL);
    pthread_mutex_lock(&timings->lock);
    td_status status = write_file(timings, path, err);
    pthread_mutex_unlock(&timings->lock);
    return status;
}

/* The lines of the first processor that do not change from one moment to the next. */
static void add_processor(tdi_hasher *hasher) {
    static const char *const wanted[] = {"vendor_id", "cpu family", "model",
                                         "stepping",  "cache size", "flags"};
    FILE *file = fopen("/proc/cpuinfo", "r");
    char line[8192];
    while (file && fgets(line, sizeof line, file) && line[0] != '\n')
        for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
            if (strncmp(line, wanted[i], strlen(wanted[i])) == 0)
                tdi_hasher_add(hasher, line, strlen(line));
    if (file)
        fclose(file);
}

void tdi_timings_machine(char out[65]) {
    tdi_hash hash = {{0}};
    tdi_hasher *hasher = tdi_hasher_new();
    if (hasher) {
        add_processor(hasher);
        for (int i = 0; i < TDI_BACKEND_COUNT; i++) {
            const char *version = tdi_backend_at(i)->version();
            tdi_hasher_add(hasher, version, strlen(version));
        }
        hash = tdi_hasher_end(hasher);
    }
    tdi_hash_format(&hash, out);
}
