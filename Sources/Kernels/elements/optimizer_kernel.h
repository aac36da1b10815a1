// Optimizer steps of one REAL over `n` elements: see optimizer.c.
#include "vector/mathematics_kernel.h"

static void NAME(sgd)(int64_t n, const tapestry_sgd *k, const REAL *gradient, REAL *buffer, REAL *parameter) {
  const VECTOR rate = SPLAT(k->learning_rate), momentum = SPLAT(k->momentum), gain = SPLAT(1 - k->dampening);
  const VECTOR decay = SPLAT(k->weight_decay), scale = SPLAT(k->gradient_scale);
  const bool nesterov = k->nesterov, first = k->first;
  for (int64_t i = 0; i < n; i += LANES) {
    int64_t rest = n - i;
    VECTOR p = NAME(load_up_to)(parameter + i, rest, 0);
    VECTOR g = scale * NAME(load_up_to)(gradient + i, rest, 0) + decay * p;
    if (buffer) {
      VECTOR b = first ? g : momentum * NAME(load_up_to)(buffer + i, rest, 0) + gain * g;
      NAME(store_up_to)(buffer + i, rest, b);
      g = nesterov ? g + momentum * b : b;
    }
    NAME(store_up_to)(parameter + i, rest, p - rate * g);
  }
}

static void NAME(adam)(
    int64_t n, const tapestry_adam *k, const REAL *gradient, REAL *first_moment, REAL *second_moment, REAL *largest,
    REAL *parameter) {
  const VECTOR beta1 = SPLAT(k->beta1), gain1 = SPLAT(1 - k->beta1), beta2 = SPLAT(k->beta2),
               gain2 = SPLAT(1 - k->beta2);
  const VECTOR scale = SPLAT(k->gradient_scale), epsilon = SPLAT(k->epsilon);
  const VECTOR decay = SPLAT(k->decoupled ? 0 : k->weight_decay);
  const VECTOR shrink = SPLAT(k->decoupled ? 1 - k->learning_rate * k->weight_decay : 1);
  const VECTOR correction1 = SPLAT(k->correction1), correction2 = SPLAT(k->correction2);
  const VECTOR rate = SPLAT(k->learning_rate);
  for (int64_t i = 0; i < n; i += LANES) {
    int64_t rest = n - i;
    VECTOR p = NAME(load_up_to)(parameter + i, rest, 0);
    VECTOR g = scale * NAME(load_up_to)(gradient + i, rest, 0) + decay * p;
    VECTOR m = beta1 * NAME(load_up_to)(first_moment + i, rest, 0) + gain1 * g;
    VECTOR v = beta2 * NAME(load_up_to)(second_moment + i, rest, 0) + gain2 * (g * g);
    NAME(store_up_to)(first_moment + i, rest, m);
    NAME(store_up_to)(second_moment + i, rest, v);
    if (largest) {
      v = NAME(larger)(NAME(load_up_to)(largest + i, rest, 0), v);
      NAME(store_up_to)(largest + i, rest, v);
    }
    VECTOR divisor = __builtin_elementwise_sqrt(v / correction2) + epsilon;
    NAME(store_up_to)(parameter + i, rest, shrink * p - rate * (m / correction1) / divisor);
  }
}

#include "elements/optimizer_rules.h"
