// The rules of tapestry_optimizer.h, and the one way into all of them. Included by optimizer_kernel.h.

/// -1, 0, 1 or NaN.
INLINE VECTOR NAME(signs)(VECTOR x) { return x > SPLAT(0) ? SPLAT(1) : x < SPLAT(0) ? SPLAT(-1) : x; }
INLINE VECTOR NAME(root)(VECTOR x) { return __builtin_elementwise_sqrt(x); }

/// A loop over the vectors at `i`, `rest` elements being left.
#define EACH_VECTOR for (int64_t i = 0, rest = n; rest > 0; i += LANES, rest -= LANES)
#define LOAD(array) NAME(load_up_to)((array) + i, rest, 0)
#define STORE(array, v) NAME(store_up_to)((array) + i, rest, v)
#define RULE(name) \
  static void NAME(name)(int64_t n, const tapestry_step *k, const REAL *gradient, REAL *const *state, REAL *parameter)

RULE(adagrad) {
  const VECTOR scale = SPLAT(k->gradient_scale), pull = SPLAT(k->weight_decay);
  const VECTOR rate = SPLAT(k->learning_rate), epsilon = SPLAT(k->epsilon);
  EACH_VECTOR {
    VECTOR p = LOAD(parameter), g = scale * LOAD(gradient) + pull * p;
    VECTOR s = LOAD(state[0]) + g * g;
    STORE(state[0], s);
    STORE(parameter, p - rate * g / (NAME(root)(s) + epsilon));
  }
}

RULE(rmsprop) {
  const VECTOR scale = SPLAT(k->gradient_scale), pull = SPLAT(k->weight_decay);
  const VECTOR rate = SPLAT(k->learning_rate), epsilon = SPLAT(k->epsilon), momentum = SPLAT(k->momentum);
  const VECTOR past = SPLAT(k->beta2), fresh = SPLAT(1 - k->beta2);
  EACH_VECTOR {
    VECTOR p = LOAD(parameter), g = scale * LOAD(gradient) + pull * p;
    VECTOR spread = past * LOAD(state[0]) + fresh * g * g;
    STORE(state[0], spread);
    if (state[1]) {
      VECTOR m = past * LOAD(state[1]) + fresh * g;
      STORE(state[1], m);
      // Rounding must not make the root of a negative number of it.
      spread = NAME(larger)(spread - m * m, SPLAT(0));
    }
    VECTOR u = g / (NAME(root)(spread) + epsilon);
    if (state[2]) {
      u = momentum * LOAD(state[2]) + u;
      STORE(state[2], u);
    }
    STORE(parameter, p - rate * u);
  }
}

RULE(adadelta) {
  const VECTOR scale = SPLAT(k->gradient_scale), pull = SPLAT(k->weight_decay);
  const VECTOR rate = SPLAT(k->learning_rate), epsilon = SPLAT(k->epsilon);
  const VECTOR past = SPLAT(k->beta2), fresh = SPLAT(1 - k->beta2);
  EACH_VECTOR {
    VECTOR p = LOAD(parameter), g = scale * LOAD(gradient) + pull * p;
    VECTOR s = past * LOAD(state[0]) + fresh * g * g, a = LOAD(state[1]);
    VECTOR d = NAME(root)(a + epsilon) / NAME(root)(s + epsilon) * g;
    STORE(state[0], s);
    STORE(state[1], past * a + fresh * d * d);
    STORE(parameter, p - rate * d);
  }
}

RULE(adamax) {
  const VECTOR scale = SPLAT(k->gradient_scale), pull = SPLAT(k->weight_decay);
  const VECTOR rate = SPLAT(k->learning_rate), epsilon = SPLAT(k->epsilon);
  const VECTOR beta1 = SPLAT(k->beta1), fresh = SPLAT(1 - k->beta1), beta2 = SPLAT(k->beta2);
  EACH_VECTOR {
    VECTOR p = LOAD(parameter), g = scale * LOAD(gradient) + pull * p;
    VECTOR m = beta1 * LOAD(state[0]) + fresh * g;
    VECTOR u = NAME(larger)(beta2 * LOAD(state[1]), NAME(magnitude)(g) + epsilon);
    STORE(state[0], m);
    STORE(state[1], u);
    STORE(parameter, p - rate * m / u);
  }
}

/// Moving averages of g and of its square, into state[0] and state[1].
#define ADAM_MOMENTS                                  \
  VECTOR m = beta1 * LOAD(state[0]) + fresh1 * g;     \
  VECTOR v = beta2 * LOAD(state[1]) + fresh2 * g * g; \
  STORE(state[0], m);                                 \
  STORE(state[1], v)
#define ADAM_WEIGHTS                                                  \
  const VECTOR beta1 = SPLAT(k->beta1), fresh1 = SPLAT(1 - k->beta1); \
  const VECTOR beta2 = SPLAT(k->beta2), fresh2 = SPLAT(1 - k->beta2), epsilon = SPLAT(k->epsilon)

RULE(nadam) {
  const VECTOR scale = SPLAT(k->gradient_scale), pull = SPLAT(k->weight_decay);
  ADAM_WEIGHTS;
  const VECTOR rate = SPLAT(k->learning_rate), direct = SPLAT(k->gradient_rate), correction = SPLAT(k->correction2);
  EACH_VECTOR {
    VECTOR p = LOAD(parameter), g = scale * LOAD(gradient) + pull * p;
    ADAM_MOMENTS;
    STORE(parameter, p - (rate * m + direct * g) / (NAME(root)(v / correction) + epsilon));
  }
}

RULE(radam) {
  const VECTOR scale = SPLAT(k->gradient_scale), pull = SPLAT(k->weight_decay);
  ADAM_WEIGHTS;
  const VECTOR rate = SPLAT(k->learning_rate);
  const bool rectified = k->rectified;
  EACH_VECTOR {
    VECTOR p = LOAD(parameter), g = scale * LOAD(gradient) + pull * p;
    ADAM_MOMENTS;
    STORE(parameter, p - rate * m / (rectified ? NAME(root)(v) + epsilon : SPLAT(1)));
  }
}

RULE(rprop) {
  const VECTOR scale = SPLAT(k->gradient_scale);
  const VECTOR first_size = SPLAT(k->learning_rate), shrink = SPLAT(k->shrink), grow = SPLAT(k->grow);
  const VECTOR lowest = SPLAT(k->lowest), highest = SPLAT(k->highest);
  const bool first = k->first;
  EACH_VECTOR {
    VECTOR p = LOAD(parameter), g = scale * LOAD(gradient);
    VECTOR size = first ? first_size : LOAD(state[1]);
    // Signs, because the product of two tiny gradients would underflow to 0.
    VECTOR agreement = NAME(signs)(g) * NAME(signs)(LOAD(state[0]));
    size = agreement > SPLAT(0) ? size * grow : agreement < SPLAT(0) ? size * shrink : size;
    g = agreement < SPLAT(0) ? SPLAT(0) : g;
    size = NAME(smaller)(NAME(larger)(size, lowest), highest);
    STORE(state[0], g);
    STORE(state[1], size);
    STORE(parameter, p - NAME(signs)(g) * size);
  }
}

RULE(lion) {
  const VECTOR scale = SPLAT(k->gradient_scale);
  const VECTOR rate = SPLAT(k->learning_rate), decay = SPLAT(k->weight_decay);
  const VECTOR beta1 = SPLAT(k->beta1), fresh1 = SPLAT(1 - k->beta1);
  const VECTOR beta2 = SPLAT(k->beta2), fresh2 = SPLAT(1 - k->beta2);
  EACH_VECTOR {
    VECTOR p = LOAD(parameter), g = scale * LOAD(gradient);
    VECTOR m = LOAD(state[0]);
    VECTOR c = beta1 * m + fresh1 * g;
    STORE(state[0], beta2 * m + fresh2 * g);
    STORE(parameter, p - rate * (NAME(signs)(c) + decay * p));
  }
}

RULE(lamb) {
  const VECTOR scale = SPLAT(k->gradient_scale);
  ADAM_WEIGHTS;
  const VECTOR decay = SPLAT(k->weight_decay);
  const VECTOR correction1 = SPLAT(k->correction1), correction2 = SPLAT(k->correction2);
  EACH_VECTOR {
    VECTOR p = LOAD(parameter), g = scale * LOAD(gradient);
    ADAM_MOMENTS;
    STORE(state[2], m / correction1 / (NAME(root)(v / correction2) + epsilon) + decay * p);
  }
}

RULE(muon) {
  (void)parameter;
  const VECTOR scale = SPLAT(k->gradient_scale);
  const VECTOR past = SPLAT(k->momentum), fresh = SPLAT(1 - k->momentum);
  const bool nesterov = k->nesterov;
  EACH_VECTOR {
    VECTOR g = scale * LOAD(gradient);
    VECTOR b = past * LOAD(state[0]) + fresh * g;
    STORE(state[0], b);
    STORE(state[1], nesterov ? fresh * g + past * b : b);
  }
}

RULE(adafactor) {
  (void)parameter;
  const VECTOR scale = SPLAT(k->gradient_scale);
  const VECTOR past = SPLAT(k->beta2), fresh = SPLAT(1 - k->beta2), epsilon = SPLAT(k->epsilon);
  EACH_VECTOR {
    VECTOR g = scale * LOAD(gradient);
    VECTOR v = past * LOAD(state[0]) + fresh * g * g;
    STORE(state[0], v);
    STORE(state[1], g / NAME(larger)(NAME(root)(v), epsilon));
  }
}

RULE(move) {
  const VECTOR scale = SPLAT(k->gradient_scale);
  const VECTOR rate = SPLAT(k->learning_rate), shrink = SPLAT(k->shrink);
  (void)state;
  EACH_VECTOR STORE(parameter, shrink * LOAD(parameter) - rate * (scale * LOAD(gradient)));
}

/// The step of `rule` on n elements.
static void NAME(step)(
    int32_t rule, int64_t n, const void *constants, const void *gradient, void *const *states, void *parameter) {
  REAL *const state[] = {states[0], states[1], states[2]};
  switch (rule) {
    case SGD_RULE: NAME(sgd)(n, constants, gradient, state[0], parameter); break;
    case ADAM_RULE: NAME(adam)(n, constants, gradient, state[0], state[1], state[2], parameter); break;
    case TAPESTRY_ADAGRAD: NAME(adagrad)(n, constants, gradient, state, parameter); break;
    case TAPESTRY_RMSPROP: NAME(rmsprop)(n, constants, gradient, state, parameter); break;
    case TAPESTRY_ADADELTA: NAME(adadelta)(n, constants, gradient, state, parameter); break;
    case TAPESTRY_ADAMAX: NAME(adamax)(n, constants, gradient, state, parameter); break;
    case TAPESTRY_NADAM: NAME(nadam)(n, constants, gradient, state, parameter); break;
    case TAPESTRY_RADAM: NAME(radam)(n, constants, gradient, state, parameter); break;
    case TAPESTRY_RPROP: NAME(rprop)(n, constants, gradient, state, parameter); break;
    case TAPESTRY_LION: NAME(lion)(n, constants, gradient, state, parameter); break;
    case TAPESTRY_LAMB: NAME(lamb)(n, constants, gradient, state, parameter); break;
    case TAPESTRY_MUON: NAME(muon)(n, constants, gradient, state, parameter); break;
    case TAPESTRY_ADAFACTOR: NAME(adafactor)(n, constants, gradient, state, parameter); break;
    default: NAME(move)(n, constants, gradient, state, parameter); break;
  }
}

#undef EACH_VECTOR
#undef LOAD
#undef STORE
#undef RULE
#undef ADAM_MOMENTS
#undef ADAM_WEIGHTS
