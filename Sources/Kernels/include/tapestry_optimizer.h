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

/// The other rules. g is the gradient times gradient_scale; where a rule does not say otherwise, plus weight_decay p.
enum {
  /// s += g g; p -= learning_rate g / (sqrt(s) + epsilon)                                                  state s
  TAPESTRY_ADAGRAD,
  /// s = beta2 s + (1 - beta2) g g; m, where there is one, likewise of g; b, where there is one, = momentum b + u;
  /// u = g / (sqrt(s - m m) + epsilon), the difference at least 0; p -= learning_rate b, else u           state s, m, b
  TAPESTRY_RMSPROP,
  /// s = beta2 s + (1 - beta2) g g; d = sqrt(a + epsilon) / sqrt(s + epsilon) g;
  /// a = beta2 a + (1 - beta2) d d; p -= learning_rate d                                                   state s, a
  TAPESTRY_ADADELTA,
  /// m = beta1 m + (1 - beta1) g; u = max(beta2 u, |g| + epsilon); p -= learning_rate m / u                state m, u
  TAPESTRY_ADAMAX,
  /// m, v as Adam's; p -= (learning_rate m + gradient_rate g) / (sqrt(v / correction2) + epsilon)          state m, v
  TAPESTRY_NADAM,
  /// m, v as Adam's; p -= learning_rate m / (sqrt(v) + epsilon), without the divisor unless `rectified`    state m, v
  TAPESTRY_RADAM,
  /// size = learning_rate if `first`; agreement of the signs of g (without decay) and r: size *= grow; opposition:
  /// size *= shrink, g = 0; size within lowest ... highest; r = g; p -= sign(g) size                       state r,
  /// size
  TAPESTRY_RPROP,
  /// c = beta1 m + (1 - beta1) g (without decay); p -= learning_rate (sign(c) + weight_decay p);
  /// m = beta2 m + (1 - beta2) g                                                                           state m
  TAPESTRY_LION,
  /// m, v as Adam's without decay; u = (m / correction1) / (sqrt(v / correction2) + epsilon) + weight_decay p;
  /// p stays                                                                                               state m, v,
  /// u
  TAPESTRY_LAMB,
  /// b = momentum b + (1 - momentum) g (without decay); u = b, `nesterov`: (1 - momentum) g + momentum b;
  /// p stays                                                                                               state b, u
  TAPESTRY_MUON,
  /// v = beta2 v + (1 - beta2) g g (without decay); u = g / max(sqrt(v), epsilon); p stays                 state v, u
  TAPESTRY_ADAFACTOR,
  /// p = shrink p - learning_rate g (without decay)
  TAPESTRY_MOVE,
};

/// What the rules above read; the rest is ignored.
typedef struct {
  double learning_rate, weight_decay, gradient_scale;
  double beta1, beta2, epsilon, momentum, correction1, correction2, gradient_rate;
  double lowest, highest, shrink, grow;
  bool first, rectified, nesterov;
} tapestry_step;

/// A step by one of the rules above; `state` has three arrays in the rule's order, NULL where there is none.
void tapestry_optimizer_step(
    int32_t rule, int32_t dtype, int64_t count, const tapestry_step *constants, const void *gradient,
    void *const *state, void *parameter);

/// Second moments of `batch` matrices [rows, columns] as a vector for the rows and one for the columns (Shazeer and
/// Stern 2018): row_squares = beta row_squares + (1 - beta) mean of (scale g)^2 over the columns, column_squares
/// likewise over the rows.
void tapestry_factored_squares(
    int32_t dtype, int64_t batch, int64_t rows, int64_t columns, double scale, double beta, const void *gradient,
    void *row_squares, void *column_squares);

/// direction = scale g / max(sqrt(v), epsilon), v = row_squares column_squares / max(mean of row_squares over the rows,
/// epsilon).
void tapestry_factored_direction(
    int32_t dtype, int64_t batch, int64_t rows, int64_t columns, double scale, double epsilon, const void *gradient,
    const void *row_squares, const void *column_squares, void *direction);

#endif
