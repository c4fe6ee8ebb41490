/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The likeliest classes of an output.
 */
#include <math.h>

#include <tandem/model.h>

/* A value that is not a number is the least likely of all. */
static float rank_value(float value) {
    return isnan(value) ? -INFINITY : value;
}

/* Inserts class `index` where it belongs among the best so far; of equal ones the lower index stays
 * first. */
static size_t insert(td_prediction *out, size_t have, size_t count, int32_t index, float value) {
    size_t at = have;
    while (at > 0 && out[at - 1].score < value)
        at--;
    if (at == count)
        return have;
    size_t last = have < count ? have : count - 1;
    for (size_t i = last; i > at; i--)
        out[i] = out[i - 1];
    out[at].index = index;
    out[at].score = value;
    return last + 1;
}

/* Scores become exp(score - max) / sum over all classes of the same. */
static void softmax_scores(const float *output, size_t classes, td_prediction *out, size_t have) {
    double max = out[0].score, sum = 0;
    if (!isfinite(max)) {
        for (size_t i = 0; i < have; i++)
            out[i].score = i == 0 && max > 0 ? 1 : 0;
        return;
    }
    for (size_t i = 0; i < classes; i++)
        sum += exp((double)rank_value(output[i]) - max);
    for (size_t i = 0; i < have; i++)
        out[i].score = (float)(exp((double)out[i].score - max) / sum);
}

size_t td_top(const float *output, size_t classes, td_output_kind kind, td_prediction *out,
              size_t count) {
    size_t have = 0;
    if (kind == TD_OUTPUT_RAW || count == 0)
        return 0;
    for (size_t i = 0; i < classes && i <= INT32_MAX; i++)
        have = insert(out, have, count, (int32_t)i, rank_value(output[i]));
    if (have == 0)
        return 0;
    if (kind == TD_OUTPUT_LOGITS)
        softmax_scores(output, classes, out, have);
    return have;
}
