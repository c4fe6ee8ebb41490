/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turning measuring on, and the file in the user's cache.
 */
#include "pipeline/tuning.h"

#include <stdlib.h>
#include <string.h>
#include <tandem/model.h>

#include "base/file.h"
#include "base/memory.h"

/* Written by td_tuning_start() and td_tuning_stop(), while no other thread calls the library. */
static tdi_timings *timings;
static char *file; /* NULL: nothing is kept */

/* A folder of Tandem's own in the user's cache (XDG Base Directory Specification). NULL: there is
 * none. */
static char *cache_folder(void) {
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && cache[0] == '/')
        return tdi_path_join(cache, "tandem");
    return home && home[0] == '/' ? tdi_path_join(home, ".cache/tandem") : NULL;
}

static char *default_file(void) {
    char *folder = cache_folder();
    char *path = folder && tdi_folder_make(folder, NULL) == TD_OK ? tdi_path_join(folder, "kernels")
                                                                  : NULL;
    tdi_free(folder);
    return path;
}

td_status td_tuning_start(const char *path, td_progress_fn progress, void *user, td_error *err) {
    if (timings)
        return tdi_fail(err, TD_ARGUMENT, "td_tuning_start: it was called before");
    timings = tdi_timings_new();
    file = path ? tdi_strdup(path) : default_file();
    if (!timings || (path && !file)) {
        td_tuning_stop();
        return tdi_fail_memory(err);
    }
    tdi_timings_set_progress(timings, progress, user);
    td_status status = file ? tdi_timings_load(timings, file, err) : TD_OK;
    if (status == TD_MEMORY)
        td_tuning_stop();
    /* What cannot be read is measured. */
    return status == TD_MEMORY ? status : TD_OK;
}

void td_tuning_stop(void) {
    tdi_timings_unref(timings);
    tdi_free(file);
    timings = NULL;
    file = NULL;
}

tdi_timings *tdi_tuning(void) {
    return timings;
}

void tdi_tuning_save(void) {
    if (timings && file)
        (void)tdi_timings_save(timings, file, NULL);
}
