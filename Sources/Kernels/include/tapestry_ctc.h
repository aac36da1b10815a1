// Connectionist temporal classification (Graves et al. 2006), from log-probabilities [steps, batch, classes].
#ifndef TAPESTRY_CTC_H
#define TAPESTRY_CTC_H

#include <stdbool.h>
#include <stdint.h>

/// The sizes and targets of a batch. Labels are [batch, width], of which sample n has the first label_lengths[n]; it
/// has input_lengths[n] steps. All have been checked: 0 <= input length <= steps, 0 <= label length <= width, labels in
/// 0 ..< classes.
typedef struct {
  int32_t dtype;  // float32 or float64; sums are made in double
  int64_t steps, batch, classes, width, blank;
  bool zero_infinity;  // samples that cannot be spelled have loss 0 and no gradient, instead of an infinite one and NaN
  const int64_t *labels, *input_lengths, *label_lengths;
} tapestry_ctc;

/// losses[n] = - ln of the probability of sample n's labels.
void tapestry_ctc_loss(const tapestry_ctc *ctc, const void *x, void *losses);

/// gradient[t, n, c] = -g[n] P(at step t stands c | the labels): the derivative of the sum of g[n] losses[n] by x.
void tapestry_ctc_gradient(const tapestry_ctc *ctc, const void *x, const void *g, void *gradient);

/// The derivative of that gradient when x moves along `direction`: the second derivative of the losses times it.
void tapestry_ctc_curvature(const tapestry_ctc *ctc, const void *x, const void *g, const void *direction, void *result);

#endif
