// Normalisation of one REAL: see normalization.c. `runs` are stretches of neighbouring elements, `stride` apart.

// Visits `runs` runs of `n` elements as vectors: `whole` and `other` see i, which begins a whole vector, `part` the
// masked rest of a run. Two statements, so that sums can alternate between two accumulators.
#define FOR_RUNS(whole, other, part)                 \
  for (int64_t run = 0; run < runs; run++) {         \
    int64_t at = run * stride, end = at + n, i = at; \
    for (; i + 2 * LANES <= end; i += 2 * LANES) {   \
      whole(i);                                      \
      other(i + LANES);                              \
    }                                                \
    if (i + LANES <= end) {                          \
      whole(i);                                      \
      i += LANES;                                    \
    }                                                \
    if (i < end) part(i, end - i);                   \
  }

/// Adds a block to the moments: its mean first, then sums about that, which the cache holds.
static void NAME(block_moments)(int64_t runs, int64_t stride, int64_t n, const REAL *x, tapestry_moments *total) {
  VECTOR s = SPLAT(0), t = s;
#define FIRST(i) s += NAME(load)(x + (i))
#define SECOND(i) t += NAME(load)(x + (i))
#define REST(i, count) t += NAME(load_part)(x + (i), count, 0)
  FOR_RUNS(FIRST, SECOND, REST)
#undef FIRST
#undef SECOND
#undef REST
  double count = (double)(runs * n);
  const REAL near = (REAL)(NAME(sum_of_lanes)(s + t) / count);
  const VECTOR centre = SPLAT(near);
  VECTOR p = SPLAT(0), q = p;
  s = t = p;
#define FIRST(i)                             \
  {                                          \
    VECTOR d = NAME(load)(x + (i)) - centre; \
    s += d;                                  \
    p += d * d;                              \
  }
#define SECOND(i)                            \
  {                                          \
    VECTOR d = NAME(load)(x + (i)) - centre; \
    t += d;                                  \
    q += d * d;                              \
  }
#define REST(i, count)                                         \
  {                                                            \
    VECTOR d = NAME(load_part)(x + (i), count, near) - centre; \
    t += d;                                                    \
    q += d * d;                                                \
  }
  FOR_RUNS(FIRST, SECOND, REST)
#undef FIRST
#undef SECOND
#undef REST
  double sum = NAME(sum_of_lanes)(s + t), squares = NAME(sum_of_lanes)(p + q);
  join_moments(total, count, (double)near + sum / count, squares - sum * sum / count);
}

/// The moments of runs, a block of them or a part of one at a time.
static void NAME(moments)(int64_t runs, int64_t stride, int64_t n, const REAL *x, tapestry_moments *total) {
  if (n >= moments_block) {
    for (int64_t run = 0; run < runs; run++)
      for (int64_t i = 0; i < n; i += moments_block)
        NAME(block_moments)(1, 0, n - i < moments_block ? n - i : moments_block, x + run * stride + i, total);
    return;
  }
  int64_t several = moments_block / n;
  for (int64_t run = 0; run < runs; run += several)
    NAME(block_moments)(runs - run < several ? runs - run : several, stride, n, x + run * stride, total);
}

/// How the cotangents of a stretch reach the sums and the gradient: all of them, or those that max(y, 0) let through.
typedef struct {
  REAL mean, factor, shift;
  const REAL *y;  // with an addend
  REAL *gaddend;
} NAME(gate);

enum { NAME(open), NAME(computed), NAME(kept) };  // kinds of gates: none, by y computed again, by y kept

INLINE VECTOR NAME(normalized)(VECTOR x, VECTOR mean, VECTOR factor, VECTOR shift) {
  return (x - mean) * factor + shift;
}

/// Adds the sums of g and of g (x - mean). The cotangents that a kept result lets through are written too.
INLINE void NAME(block_sums)(
    const int kind, int64_t runs, int64_t stride, int64_t n, const REAL *g, const REAL *x, NAME(gate) gate,
    double *sums) {
  const VECTOR centre = SPLAT(gate.mean), factor = SPLAT(gate.factor), shift = SPLAT(gate.shift), zero = SPLAT(0);
  VECTOR s = SPLAT(0), t = s, p = s, q = s;
#define THROUGH(v, u, i, load)                                                               \
  if (kind == NAME(computed)) v = NAME(normalized)(u, centre, factor, shift) > 0 ? v : zero; \
  if (kind == NAME(kept)) v = load > 0 ? v : zero;
#define FIRST(i)                                                \
  {                                                             \
    VECTOR v = NAME(load)(g + (i)), u = NAME(load)(x + (i));    \
    THROUGH(v, u, i, NAME(load)(gate.y + (i)))                  \
    if (kind == NAME(kept)) NAME(store)(gate.gaddend + (i), v); \
    s += v;                                                     \
    p += v * (u - centre);                                      \
  }
#define SECOND(i)                                               \
  {                                                             \
    VECTOR v = NAME(load)(g + (i)), u = NAME(load)(x + (i));    \
    THROUGH(v, u, i, NAME(load)(gate.y + (i)))                  \
    if (kind == NAME(kept)) NAME(store)(gate.gaddend + (i), v); \
    t += v;                                                     \
    q += v * (u - centre);                                      \
  }
#define REST(i, count)                                                                             \
  {                                                                                                \
    VECTOR v = NAME(load_part)(g + (i), count, 0), u = NAME(load_part)(x + (i), count, gate.mean); \
    THROUGH(v, u, i, NAME(load_part)(gate.y + (i), count, 0))                                      \
    if (kind == NAME(kept)) NAME(store_part)(gate.gaddend + (i), count, v);                        \
    t += v;                                                                                        \
    q += v * (u - centre);                                                                         \
  }
  FOR_RUNS(FIRST, SECOND, REST)
#undef THROUGH
#undef FIRST
#undef SECOND
#undef REST
  sums[0] += NAME(sum_of_lanes)(s + t);
  sums[1] += NAME(sum_of_lanes)(p + q);
}

static void NAME(gradient_block)(
    int64_t runs, int64_t stride, int64_t n, int64_t at, const REAL *g, const REAL *x, int kind, NAME(gate) gate,
    double *sums) {
  g += at, x += at;
  if (kind == NAME(kept)) {
    gate.y += at, gate.gaddend += at;
    NAME(block_sums)(NAME(kept), runs, stride, n, g, x, gate, sums);
  } else if (kind == NAME(computed)) {
    NAME(block_sums)(NAME(computed), runs, stride, n, g, x, gate, sums);
  } else {
    NAME(block_sums)(NAME(open), runs, stride, n, g, x, gate, sums);
  }
}

static void NAME(gradient_sums)(
    int64_t runs, int64_t stride, int64_t n, const REAL *g, const REAL *x, int kind, NAME(gate) gate, double *sums) {
  if (n >= moments_block) {
    for (int64_t run = 0; run < runs; run++)
      for (int64_t i = 0; i < n; i += moments_block) NAME(gradient_block)
    (1, 0, n - i < moments_block ? n - i : moments_block, run * stride + i, g, x, kind, gate, sums);
    return;
  }
  int64_t several = moments_block / n;
  for (int64_t run = 0; run < runs; run += several) NAME(gradient_block)
  (runs - run < several ? runs - run : several, stride, n, run * stride, g, x, kind, gate, sums);
}
#undef FOR_RUNS

/// y = (x - mean) factor + shift, or max(that + addend, 0)
INLINE void NAME(affine_body)(
    const bool relu, const bool adds, int64_t n, const REAL *x, REAL mean, REAL factor, REAL shift, const REAL *addend,
    REAL *y) {
  const VECTOR m = SPLAT(mean), f = SPLAT(factor), t = SPLAT(shift);
  for (int64_t i = 0; i < n; i += LANES) {
    VECTOR z = NAME(normalized)(NAME(load_up_to)(x + i, n - i, 0), m, f, t);
    if (adds) z += NAME(load_up_to)(addend + i, n - i, 0);
    NAME(store_up_to)(y + i, n - i, relu ? NAME(relu)(z) : z);
  }
}

static void NAME(affine_run)(
    bool relu, int64_t n, const REAL *x, REAL mean, REAL factor, REAL shift, const REAL *addend, REAL *y) {
  if (addend) NAME(affine_body)(true, true, n, x, mean, factor, shift, addend, y);
  else if (relu) NAME(affine_body)(true, false, n, x, mean, factor, shift, addend, y);
  else NAME(affine_body)(false, false, n, x, mean, factor, shift, addend, y);
}

/// gx = a g + b (x - mean) + c, of the cotangents that are let through; a g + c where the mean was given, so that an
/// infinite x does not meet b = 0.
INLINE void NAME(gradient_body)(
    const bool gated, const bool fixed, int64_t n, const REAL *g, const REAL *x, NAME(gate) gate, double a_wide,
    double b_wide, double c_wide, REAL *gx) {
  const VECTOR m = SPLAT(gate.mean), f = SPLAT(gate.factor), t = SPLAT(gate.shift), zero = SPLAT(0);
  const VECTOR a = SPLAT(a_wide), b = SPLAT(b_wide), c = SPLAT(c_wide);
  for (int64_t i = 0; i < n; i += LANES) {
    VECTOR u = NAME(load_up_to)(g + i, n - i, 0), v = NAME(load_up_to)(x + i, n - i, 0);
    if (gated) u = NAME(normalized)(v, m, f, t) > 0 ? u : zero;
    NAME(store_up_to)(gx + i, n - i, fixed ? a * u + c : a * u + (b * (v - m) + c));
  }
}

static void NAME(scaled_run)(int64_t n, const REAL *g, double factor, REAL *gx) {
  const VECTOR f = SPLAT(factor);
  for (int64_t i = 0; i < n; i += LANES) NAME(store_up_to)(gx + i, n - i, NAME(load_up_to)(g + i, n - i, 0) * f);
}

/// Runs first ..< end of one set: their moments, or their results.
static void NAME(forward_part)(
    const normalize_job *job, int64_t set, int64_t first, int64_t end, tapestry_moments *moments) {
  int64_t n = job->shape.pixels, plane = set * job->set_step + first * job->run_step, runs = end - first;
  const REAL *x = (const REAL *)job->x + plane * n;
  // The channels of a group lie side by side: one long run.
  if (job->run_step == 1) NAME(moments)(1, 0, runs * n, x, moments);
  else NAME(moments)(runs, job->run_step * n, n, x, moments);
}

static void NAME(finish_moments)(const normalize_job *job, int64_t set, const tapestry_moments *moments) {
  ((REAL *)job->mean)[set] = (REAL)moments->mean;
  ((REAL *)job->variance)[set] = (REAL)(moments->squares / moments->count);
}

/// 1 / sqrt(V + epsilon)
INLINE double NAME(inverse_deviation)(double variance, double epsilon) {
  return 1 / __builtin_sqrt(variance + epsilon);
}

static void NAME(apply_part)(const normalize_job *job, int64_t set, int64_t first, int64_t end) {
  int64_t n = job->shape.pixels;
  REAL mean = ((const REAL *)job->mean)[set];
  double inverse = NAME(inverse_deviation)((double)((const REAL *)job->variance)[set], job->shape.epsilon);
  for (int64_t run = first; run < end; run++) {
    int64_t plane = set * job->set_step + run * job->run_step, channel = plane % job->shape.channels;
    NAME(affine_run)
    (job->shape.relu, n, (const REAL *)job->x + plane * n, mean,
     (REAL)((double)((const REAL *)job->scale)[channel] * inverse), ((const REAL *)job->shift)[channel],
     job->addend ? (const REAL *)job->addend + plane * n : NULL, (REAL *)job->y + plane * n);
  }
}

INLINE int NAME(gate_kind)(const normalize_job *job) {
  return !job->shape.relu ? NAME(open) : job->relu.y ? NAME(kept) : NAME(computed);
}

/// The gate of a set, a channel of batch normalisation; `at`: where the stretch begins.
static NAME(gate) NAME(gate_of)(const normalize_job *job, int64_t set, int64_t at) {
  NAME(gate) gate = {.mean = ((const REAL *)job->mean)[set]};
  int kind = NAME(gate_kind)(job);
  if (kind == NAME(kept)) {
    gate.y = (const REAL *)job->relu.y + at;
    gate.gaddend = (REAL *)job->relu.gaddend + at;
  } else if (kind == NAME(computed)) {
    double inverse = NAME(inverse_deviation)((double)((const REAL *)job->variance)[set], job->shape.epsilon);
    gate.factor = (REAL)((double)((const REAL *)job->scale)[set] * inverse);
    gate.shift = ((const REAL *)job->shift)[set];
  }
  return gate;
}

/// The sums of runs first ..< end: a pair for all of them, or, where scales differ, one for each.
static void NAME(sums_part)(const normalize_job *job, int64_t set, int64_t first, int64_t end, double *sums) {
  int64_t n = job->shape.pixels, at = (set * job->set_step + first * job->run_step) * n;
  NAME(gate) gate = NAME(gate_of)(job, set, at);
  const REAL *g = (const REAL *)job->g + at, *x = (const REAL *)job->x + at;
  if (job->shape.groups == 0) {
    sums[0] = sums[1] = 0;
    NAME(gradient_sums)(end - first, job->run_step * n, n, g, x, NAME(gate_kind)(job), gate, sums);
    return;
  }
  for (int64_t run = first; run < end; run++, g += n, x += n, sums += 2) {
    sums[0] = sums[1] = 0;
    NAME(gradient_sums)(1, 0, n, g, x, NAME(open), gate, sums);
  }
}

/// gx of runs first ..< end from the sums of the whole set.
static void NAME(gradient_part)(const normalize_job *job, int64_t set, int64_t first, int64_t end) {
  int64_t n = job->shape.pixels, channels = job->shape.channels;
  const REAL *scale = job->scale;
  NAME(gate) gate = NAME(gate_of)(job, set, 0);
  int kind = NAME(gate_kind)(job);
  double r = NAME(inverse_deviation)((double)((const REAL *)job->variance)[set], job->shape.epsilon);
  double sum = 0, product = 0, count = (double)(job->runs * n);  // of scale g, and of scale g (x - mean)
  for (int64_t p = 0; p < job->pairs && !job->fixed; p++) {
    const double *pair = job->sums + 2 * (set * job->pairs + p);
    double s = (double)scale[(set * job->set_step + (job->shape.groups ? p : 0)) % channels];
    sum += s * pair[0];
    product += s * pair[1];
  }
  double b = -r * r * r * product / count, c = -r * sum / count;
  for (int64_t run = first; run < end; run++) {
    int64_t plane = set * job->set_step + run * job->run_step;
    double a = r * (double)scale[plane % channels];
    // The first sweep has written the cotangents that a kept result let through.
    const REAL *g = (const REAL *)(kind == NAME(kept) ? job->relu.gaddend : job->g) + plane * n;
    const REAL *x = (const REAL *)job->x + plane * n;
    REAL *gx = (REAL *)job->y + plane * n;
    if (kind == NAME(computed) &&job->fixed) NAME(gradient_body)(true, true, n, g, x, gate, a, 0, 0, gx);
    else if (kind == NAME(computed)) NAME(gradient_body)(true, false, n, g, x, gate, a, b, c, gx);
    else if (job->fixed) NAME(scaled_run)(n, g, a, gx);
    else NAME(gradient_body)(false, false, n, g, x, gate, a, b, c, gx);
  }
}

/// The gradients of scale and shift from all sums, in ascending order.
static void NAME(affine_gradients)(const normalize_job *job, double *totals, REAL *gscale, REAL *gshift) {
  int64_t channels = job->shape.channels;
  for (int64_t i = 0; i < 2 * channels; i++) totals[i] = 0;
  for (int64_t set = 0; set < job->sets; set++) {
    double r = NAME(inverse_deviation)((double)((const REAL *)job->variance)[set], job->shape.epsilon);
    for (int64_t p = 0; p < job->pairs; p++) {
      int64_t channel = (set * job->set_step + (job->shape.groups ? p : 0)) % channels;
      totals[2 * channel] += job->sums[2 * (set * job->pairs + p)];
      totals[2 * channel + 1] += job->sums[2 * (set * job->pairs + p) + 1] * r;
    }
  }
  for (int64_t c = 0; c < channels; c++) {
    gshift[c] = (REAL)totals[2 * c];
    gscale[c] = (REAL)totals[2 * c + 1];
  }
}

#include "normalization/normalization_strips.h"
#include "normalization/normalization_rows.h"
