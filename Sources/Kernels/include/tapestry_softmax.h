// Softmax along the middle axis of [outer, classes, inner], shifted by the maximum, and the fused cross-entropy.
#ifndef TAPESTRY_SOFTMAX_H
#define TAPESTRY_SOFTMAX_H

#include <stdbool.h>
#include <stdint.h>

/// y = e^x / sum e^x, or x - ln sum e^x if `logarithm`. float32 and float64. In place allowed.
void tapestry_softmax(
    int32_t dtype, bool logarithm, int64_t outer, int64_t classes, int64_t inner, const void *x, void *y);

/// gx for y = softmax(x): y (g - sum g y); if `logarithm`, y is log-softmax and gx = g - e^y sum g.
void tapestry_softmax_gradient(
    int32_t dtype, bool logarithm, int64_t outer, int64_t classes, int64_t inner, const void *g, const void *y,
    void *gx);

/// losses[o, i] = -logSoftmax(x)[o, labels[o, i], i] and, if `probabilities` is not NULL, softmax(x) besides, in one
/// pass. Labels are in 0 ..< classes; any other label marks an ignored position, whose loss is 0.
void tapestry_cross_entropy(
    int32_t dtype, int64_t outer, int64_t classes, int64_t inner, const void *x, const int64_t *labels, void *losses,
    void *probabilities);

/// gx[o, c, i] = scales[o, i] (softmax(x)[o, c, i] - [c == labels[o, i]]), and 0 at ignored positions.
void tapestry_cross_entropy_gradient(
    int32_t dtype, int64_t outer, int64_t classes, int64_t inner, const void *x, const int64_t *labels,
    const void *scales, void *gx);

#endif
