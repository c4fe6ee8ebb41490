/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/overlap.h"

#include <stdlib.h>
#include <string.h>

#include "base/pool.h"

typedef struct search {
    const td_model *model;
    const td_source *source;
    tdi_hash *known; /* sorted */
    size_t known_count;
    uint8_t *seen; /* [picture] */
} search;

static int compare_hashes(const void *a, const void *b) {
    return memcmp(a, b, sizeof(tdi_hash));
}

static td_status look_up(void *user, int worker, size_t index, td_error *err) {
    search *s = user;
    td_picture picture = {0}, fitted = {0};
    (void)worker;
    TD_TRY(td_source_read(s->source, index, &picture, NULL, err));
    td_status status = td_recipe_fit(&s->model->recipe, &picture, &fitted, err);
    td_picture_clear(&picture);
    if (status)
        return status;
    const tdi_hash hash = tdi_picture_hash(&fitted);
    td_picture_clear(&fitted);
    s->seen[index] = bsearch(&hash, s->known, s->known_count, sizeof hash, compare_hashes) != NULL;
    return TD_OK;
}

td_status tdi_overlap_count(const td_model *model, const td_source *source, int threads,
                            size_t *out, td_error *err) {
    size_t count = td_source_count(source);
    search s = {model, source, NULL, 0, NULL};
    *out = 0;
    if (!model->bundle || !model->bundle->pictures_path)
        return TD_OK;
    TD_TRY(tdi_bundle_pictures(model->bundle, &s.known, &s.known_count, err));
    td_status status = TD_OK;
    if (s.known_count == 0)
        goto end;
    s.seen = tdi_calloc(count + 1, 1);
    if (!s.seen) {
        status = tdi_fail_memory(err);
        goto end;
    }
    status = tdi_pool_run(threads, count, look_up, &s, "pictures", NULL, NULL, err);
    for (size_t i = 0; i < count; i++)
        *out += s.seen[i];
end:
    tdi_free(s.seen);
    tdi_free(s.known);
    return status;
}
