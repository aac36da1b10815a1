// One fused pass over memory for a parameter's step. All arrays have `count` elements of dtype float32 or float64;
// arithmetic is in that type, the constants are rounded once. Denormal numbers count as zero.
#ifndef TAPESTRY_OPTIMIZER_H
#define TAPESTRY_OPTIMIZER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
  double learning_rate, momentum, dampening, weight_decay;
  double gradient_scale;  // every gradient is multiplied by this first (clipping by norm)
  bool nesterov;
  bool first;  // the first step: the buffer becomes the gradient itself
} tapestry_sgd;

/// g += weight_decay p; b = first ? g : momentum b + (1 - dampening) g; p -= learning_rate (nesterov ? g + momentum b :
/// b). Without momentum `buffer` is NULL and p -= learning_rate g.
void tapestry_sgd_step(
    int32_t dtype, int64_t count, const tapestry_sgd *constants, const void *gradient, void *buffer, void *parameter);

typedef struct {
  double learning_rate, beta1, beta2, epsilon, weight_decay;
  double gradient_scale;
  double correction1, correction2;  // 1 - beta1^t, 1 - beta2^t
  bool decoupled;                   // AdamW: p *= 1 - learning_rate weight_decay first; otherwise g += weight_decay p
} tapestry_adam;

/// m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g g; p -= learning_rate (m / correction1) / (sqrt(v /
/// correction2) + epsilon). With `largest` not NULL (AMSGrad) largest = max(largest, v) takes v's place.
void tapestry_adam_step(
    int32_t dtype, int64_t count, const tapestry_adam *constants, const void *gradient, void *first_moment,
    void *second_moment, void *largest, void *parameter);

#endif
