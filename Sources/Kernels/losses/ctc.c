// CTC in log space. The labels with blanks around them are 2 U + 1 states; alpha[t][s] is ln of the probability of all
// ways to be in state s after step t, beta[t][s] that of all ways to go on from there. One sample is one piece of work.
#include "include/CTapestryKernels.h"
#include "runtime/sharing.h"

#include <math.h>
#include <string.h>

#define REAL_SOURCE "losses/ctc_kernel.h"
#define KERNEL_SOURCE "vector/reals.h"
#include "runtime/variants.h"

enum { border = 8 };  // states of probability 0 before and after the real ones, so that neighbours need no test

typedef struct {
  const tapestry_ctc *ctc;
  const void *x, *g, *direction;
  void *out;
} ctc_job;

/// One sample: its states and scratch rows. A row is `stride` doubles of which state 0 is at `border`.
typedef struct {
  const ctc_job *job;
  int64_t sample, steps, states, padded, stride;
  int64_t *classes;         // of each state
  double *skip;             // 0 where a state is reached from the last but one, else -infinity; [0] is state 0
  double *alpha, *d_alpha;  // a row per step, or two in turn
  double *row[6];
} sample_state;

static double number(const tapestry_ctc *c, const void *p, int64_t i) {
  return c->dtype == TAPESTRY_FLOAT32 ? (double)((const float *)p)[i] : ((const double *)p)[i];
}

static double log_sum(double a, double b) {
  double m = a > b ? a : b;
  if (!(m > -INFINITY)) return m;
  return m + tapestry_log(tapestry_exp(a - m) + tapestry_exp(b - m));
}

/// The states' entries of step t.
static void read_step(const sample_state *s, const void *x, int64_t t, double *row) {
  const tapestry_ctc *c = s->job->ctc;
  int64_t base = (t * c->batch + s->sample) * c->classes;
  for (int64_t i = 0; i < s->states; i++) row[border + i] = number(c, x, base + s->classes[i]);
}

static void clear(double *row, int64_t count, double value) {
  for (int64_t i = 0; i < count; i++) row[i] = value;
}

/// Fills alpha, every step of it if `all`, and returns where the last row is; d_alpha too where there is a direction.
static int64_t run_forward(sample_state *s, bool all) {
  const ctc_job *job = s->job;
  bool moves = job->direction != NULL;
  double *e = s->row[0], *de = s->row[1];
  int64_t last = 0;
  for (int64_t t = 0; t < s->steps; t++) {
    int64_t at = all ? t : t % 2, before = all ? t - 1 : 1 - at;
    double *alpha = s->alpha + at * s->stride, *d = s->d_alpha + at * s->stride;
    read_step(s, job->x, t, e);
    if (moves) read_step(s, job->direction, t, de);
    if (t == 0) {
      for (int64_t i = 0; i < s->states && i < 2; i++) {
        alpha[border + i] = e[border + i];
        if (moves) d[border + i] = de[border + i];
      }
    } else {
      const double *a = s->alpha + before * s->stride + border, *da = s->d_alpha + before * s->stride + border;
      DISPATCH(ctc_step_f64)
      (s->padded, a, a - 1, a - 2, s->skip, e + border, alpha + border, moves ? da : NULL, da - 1, da - 2, de + border,
       moves ? d + border : NULL);
    }
    last = at;
  }
  return last;
}

/// Adds the sample's part of the gradient, or of the curvature where there is a direction.
static void run_backward(sample_state *s, double total, double d_total, double g) {
  const ctc_job *job = s->job;
  const tapestry_ctc *c = job->ctc;
  bool moves = job->direction != NULL;
  double *e = s->row[0], *de = s->row[1], *beta = s->row[2], *d_beta = s->row[3], *q = s->row[4], *dq = s->row[5];
  double *occupancy = e;  // read once the emissions have been used
  clear(beta, s->stride, -INFINITY);
  clear(d_beta, s->stride, 0);
  for (int64_t i = s->states - 2 < 0 ? 0 : s->states - 2; i < s->states; i++) beta[border + i] = 0;
  for (int64_t t = s->steps - 1; t >= 0; t--) {
    const double *alpha = s->alpha + t * s->stride, *d = s->d_alpha + t * s->stride;
    if (t < s->steps - 1) DISPATCH(ctc_step_f64)
    (s->padded, q + border, q + border + 1, q + border + 2, s->skip + 2, NULL, beta + border,
     moves ? dq + border : NULL, dq + border + 1, dq + border + 2, NULL, moves ? d_beta + border : NULL);
    read_step(s, job->x, t, e);
    for (int64_t i = 0; i < s->states; i++) q[border + i] = beta[border + i] + e[border + i];
    if (moves) {
      read_step(s, job->direction, t, de);
      for (int64_t i = 0; i < s->states; i++) dq[border + i] = d_beta[border + i] + de[border + i];
    }
    DISPATCH(ctc_occupancy_f64)(s->padded, alpha + border, beta + border, total, occupancy + border);
    int64_t base = (t * c->batch + s->sample) * c->classes;
    double blanks = 0;
    for (int64_t i = 0; i < s->states; i++) {
      double p = occupancy[border + i];
      if (moves) p *= d[border + i] + d_beta[border + i] - d_total;
      if (i % 2 == 0) blanks += p;
      else if (c->dtype == TAPESTRY_FLOAT32) ((float *)job->out)[base + s->classes[i]] -= (float)(g * p);
      else ((double *)job->out)[base + s->classes[i]] -= g * p;
    }
    if (c->dtype == TAPESTRY_FLOAT32) ((float *)job->out)[base + c->blank] -= (float)(g * blanks);
    else ((double *)job->out)[base + c->blank] -= g * blanks;
  }
}

static void fill_gradient(const sample_state *s, double value) {
  const tapestry_ctc *c = s->job->ctc;
  int64_t size = c->dtype == TAPESTRY_FLOAT32 ? 4 : 8;
  for (int64_t t = 0; t < c->steps; t++) {
    char *row = (char *)s->job->out + (t * c->batch + s->sample) * c->classes * size;
    tapestry_fill(c->dtype, c->classes, t < s->steps ? value : 0, row);
  }
}

static void ctc_sample(void *context, int64_t n) {
  const ctc_job *job = context;
  const tapestry_ctc *c = job->ctc;
  int64_t labels = c->label_lengths[n];
  sample_state s = {.job = job, .sample = n, .steps = c->input_lengths[n], .states = 2 * labels + 1};
  s.padded = (s.states + 7) / 8 * 8;
  s.stride = s.padded + 2 * border;
  bool all = job->g != NULL;
  int64_t rows = all ? s.steps : 2, tangent_rows = job->direction ? rows : 0;
  // A NULL tangent is never read, but pointers into it are formed: it shares the first row of alpha.
  size_t bytes =
      (size_t)((rows + tangent_rows + 6 + 1) * s.stride) * sizeof(double) + (size_t)s.padded * sizeof(int64_t);
  double *scratch = tapestry_allocate(bytes), *next = scratch;
  for (int i = 0; i < 6; i++, next += s.stride) s.row[i] = next;
  s.skip = next, next += s.stride;
  s.alpha = next, next += rows * s.stride;
  s.d_alpha = job->direction ? next : scratch, next += tangent_rows * s.stride;
  s.classes = (int64_t *)next;
  clear(s.row[0], s.stride, -INFINITY);  // emissions beyond the states
  clear(s.row[1], s.stride, 0);
  clear(s.row[4], s.stride, -INFINITY);
  clear(s.row[5], s.stride, 0);
  clear(s.skip, s.stride, -INFINITY);
  clear(s.alpha, rows * s.stride, -INFINITY);
  if (job->direction) clear(s.d_alpha, rows * s.stride, 0);
  const int64_t *own = c->labels + n * c->width;
  for (int64_t i = 0; i < s.states; i++) {
    s.classes[i] = i % 2 ? own[i / 2] : c->blank;
    if (i % 2 && i > 2 && own[i / 2] != own[i / 2 - 1]) s.skip[i] = 0;
  }

  double total = labels == 0 ? 0 : -INFINITY, d_total = 0;
  if (s.steps > 0) {
    int64_t last = run_forward(&s, all) * s.stride + border + s.states - 1;
    double end = s.alpha[last], before = labels > 0 ? s.alpha[last - 1] : -INFINITY;
    total = log_sum(end, before);
    if (job->direction && total > -INFINITY) {
      d_total = tapestry_exp(end - total) * s.d_alpha[last];
      if (labels > 0) d_total += tapestry_exp(before - total) * s.d_alpha[last - 1];
    }
  }
  bool impossible = total == -INFINITY;
  if (!job->g) {
    double loss = impossible && c->zero_infinity ? 0 : -total;
    tapestry_fill(c->dtype, 1, loss, (char *)job->out + n * (c->dtype == TAPESTRY_FLOAT32 ? 4 : 8));
  } else {
    fill_gradient(&s, impossible && !c->zero_infinity ? NAN : 0);
    if (!impossible) run_backward(&s, total, d_total, number(c, job->g, n));
  }
  tapestry_release(scratch, bytes);
}

static void run(ctc_job job) {
  const tapestry_ctc *c = job.ctc;
  // Four functions for each state and step.
  bool shares = 4 * c->steps * c->batch * (2 * c->width + 1) >= tapestry_shared_functions;
  tapestry_share(shares, c->batch, &job, ctc_sample);
}

void tapestry_ctc_loss(const tapestry_ctc *ctc, const void *x, void *losses) {
  run((ctc_job){.ctc = ctc, .x = x, .out = losses});
}

void tapestry_ctc_gradient(const tapestry_ctc *ctc, const void *x, const void *g, void *gradient) {
  run((ctc_job){.ctc = ctc, .x = x, .g = g, .out = gradient});
}

void tapestry_ctc_curvature(
    const tapestry_ctc *ctc, const void *x, const void *g, const void *direction, void *result) {
  run((ctc_job){.ctc = ctc, .x = x, .g = g, .direction = direction, .out = result});
}
