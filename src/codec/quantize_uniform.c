/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `uniform`: equally spaced levels over an interval, which is either given (min, max) or mean +-
 * clip * sigma of the calibration.
 */
#include <float.h>
#include <math.h>

#include "base/memory.h"
#include "calib/calib.h"
#include "codec/stage.h"

enum { LEVELS, CLIP, MIN, MAX, SETTING_COUNT };

static const td_setting_info settings[SETTING_COUNT] = {
    {"levels", "2..65536", "256", "number of levels"},
    {"clip", "0.01..1000", "3.3",
     "half width of the interval in standard deviations around the mean, from the calibration"},
    {"min", "-1e30..1e30", NULL, "lower end of the interval; with `max`, in place of `clip`"},
    {"max", "-1e30..1e30", NULL, "upper end of the interval; with `min`, in place of `clip`"},
};

static const tdi_setting_rule rules[SETTING_COUNT] = {
    {TDI_SETTING_INTEGER, 2, 65536},
    {TDI_SETTING_NUMBER, 0.01, 1000},
    {TDI_SETTING_NUMBER, -1e30, 1e30},
    {TDI_SETTING_NUMBER, -1e30, 1e30},
};

typedef struct uniform_state {
    size_t elements;
    int32_t levels;
    float min, step;
} uniform_state;

/* What (max - min) / (levels - 1) is as float; 0 where it is too small to divide by. */
static float step_of(double min, double max, int32_t levels) {
    float step = (float)((max - min) / (levels - 1));
    return step >= FLT_MIN ? step : 0;
}

static td_status uniform_check(tdi_stage_spec *spec, td_error *err) {
    int has_min = spec->origin[MIN] == TDI_SETTING_GIVEN;
    int has_max = spec->origin[MAX] == TDI_SETTING_GIVEN;
    if (!has_min && !has_max)
        return TD_OK;
    if (!has_min || !has_max) {
        size_t position = spec->setting_position[has_min ? MIN : MAX];
        return tdi_fail_at(err, TD_STRATEGY, (int64_t)position,
                           "strategy, character %zu: \"%s\" needs \"%s\" beside it", position + 1,
                           has_min ? "min" : "max", has_min ? "max" : "min");
    }
    if (spec->origin[CLIP] == TDI_SETTING_GIVEN) {
        size_t position = spec->setting_position[CLIP];
        return tdi_fail_at(err, TD_STRATEGY, (int64_t)position,
                           "strategy, character %zu: \"clip\" excludes \"min\" and \"max\": give "
                           "the one or the others",
                           position + 1);
    }
    spec->origin[CLIP] = TDI_SETTING_UNSET;
    if (!(step_of(spec->value[MIN], spec->value[MAX], (int32_t)spec->value[LEVELS]) > 0)) {
        size_t position = spec->setting_position[MAX];
        return tdi_fail_at(err, TD_STRATEGY, (int64_t)position,
                           "strategy, character %zu: \"max\" must be clearly greater than \"min\"",
                           position + 1);
    }
    return TD_OK;
}

static int uniform_uses_calibration(const tdi_stage_spec *spec) {
    return spec->origin[CLIP] != TDI_SETTING_UNSET;
}

/*
 * A tensor that never varied has no width to divide: its interval begins at the mean, so that this
 * one value comes back as it is.
 */
static void interval_of(const td_calibration *calibration, double clip, double *min, double *max) {
    double half = clip * calibration->sigma;
    *min = (float)(calibration->mean - half);
    *max = (float)(calibration->mean + half);
    if (!(*min < *max)) {
        *min = (float)calibration->mean;
        *max = *min + fmax(1, fabs(*min));
    }
}

static td_status uniform_open(const tdi_stage_spec *spec, const tdi_stage_context *context,
                              void **state, td_error *err) {
    double min = spec->value[MIN], max = spec->value[MAX];
    int32_t levels = (int32_t)spec->value[LEVELS];
    if (uniform_uses_calibration(spec))
        interval_of(context->calibration, spec->value[CLIP], &min, &max);
    float step = step_of(min, max, levels);
    if (!(step > 0) || !isfinite(step) || !isfinite((float)min) || !isfinite((float)max))
        return tdi_fail_at(err, TD_STRATEGY, (int64_t)spec->position,
                           "uniform: the calibration's interval %g..%g cannot be divided into %d "
                           "levels: give min and max",
                           min, max, (int)levels);
    uniform_state *s = tdi_malloc(sizeof *s);
    if (!s)
        return tdi_fail_memory(err);
    s->elements = context->elements;
    s->levels = levels;
    s->min = (float)min;
    s->step = step;
    *state = s;
    return TD_OK;
}

static int32_t uniform_levels(const void *state) {
    return ((const uniform_state *)state)->levels;
}

/* Without branches, so that it is vectorized. Comparing with v in front turns NaN into the
 * right-hand side. */
static void uniform_quantize(void *state, const float *restrict in, uint16_t *restrict levels) {
    const uniform_state *s = state;
    const float min = s->min, step = s->step, top = (float)(s->levels - 1);
    const float middle = (float)(s->levels / 2);
    for (size_t i = 0, n = s->elements; i < n; i++) {
        float x = in[i];
        float v = (x - min) / step + 0.5f;
        v = v > 0.0f ? v : 0.0f;
        v = v < top ? v : top;
        v = x == x ? v : middle;
        levels[i] = (uint16_t)(int32_t)v; /* v >= 0: the same as floor */
    }
}

/* The product is exact in double and the sum rounded once more at most, so that every CPU gets the
 * same float. */
static void uniform_dequantize(void *state, const uint16_t *restrict levels, float *restrict out) {
    const uniform_state *s = state;
    const double min = s->min, step = s->step;
    for (size_t i = 0, n = s->elements; i < n; i++)
        out[i] = (float)(min + (double)levels[i] * step);
}

static void uniform_affine(const void *state, tdi_quantizer_affine *out) {
    const uniform_state *s = state;
    out->levels = s->levels;
    out->min = s->min;
    out->step = s->step;
}

static const tdi_quantizer_ops uniform_ops = {uniform_levels, uniform_quantize, uniform_dequantize};

const tdi_stage tdi_stage_uniform = {
    .info = {.name = "uniform",
             .kind = TD_STAGE_QUANTIZER,
             .help = "equally spaced levels over one interval for all elements",
             .settings = settings,
             .setting_count = SETTING_COUNT},
    .rules = rules,
    .check = uniform_check,
    .uses_calibration = uniform_uses_calibration,
    .open = uniform_open,
    .close = tdi_free,
    .affine = uniform_affine,
    .quantizer = &uniform_ops,
};
