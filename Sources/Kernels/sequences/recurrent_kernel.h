// One row of one step of a recurrent net, for one REAL: see recurrent.c. n is the size of the state; blocks of gates
// are n apart. What a row does not have is NULL.
#include "vector/mathematics_kernel.h"

#define AT(p) NAME(load_up_to)((p) + i, n - i, 0)
#define PUT(p, v) NAME(store_up_to)((p) + i, n - i, v)

static void NAME(plain_row)(int32_t cell, int64_t n, const REAL *sums, REAL *h, REAL *y) {
  for (int64_t i = 0; i < n; i += LANES) {
    VECTOR a = AT(sums), result = cell == TAPESTRY_CELL_TANH ? NAME(tanh)(a) : NAME(relu)(a);
    PUT(h, result);
    PUT(y, result);
  }
}

/// The sums are replaced by the gates.
static void NAME(lstm_row)(int64_t n, REAL *gates, REAL *c, REAL *h, REAL *y, REAL *cells) {
  for (int64_t i = 0; i < n; i += LANES) {
    VECTOR in = NAME(sigmoid)(AT(gates)), forget = NAME(sigmoid)(AT(gates + n));
    VECTOR candidate = NAME(tanh)(AT(gates + 2 * n)), out = NAME(sigmoid)(AT(gates + 3 * n));
    VECTOR next = forget * AT(c) + in * candidate, result = out * NAME(tanh)(next);
    PUT(gates, in);
    PUT(gates + n, forget);
    PUT(gates + 2 * n, candidate);
    PUT(gates + 3 * n, out);
    PUT(c, next);
    if (cells) PUT(cells, next);
    PUT(h, result);
    PUT(y, result);
  }
}

static void NAME(gru_row)(int64_t n, const REAL *p, const REAL *q, REAL *h, REAL *y, REAL *gates) {
  for (int64_t i = 0; i < n; i += LANES) {
    VECTOR reset = NAME(sigmoid)(AT(p) + AT(q)), update = NAME(sigmoid)(AT(p + n) + AT(q + n));
    VECTOR product = AT(q + 2 * n), candidate = NAME(tanh)(AT(p + 2 * n) + reset * product);
    VECTOR result = candidate + update * (AT(h) - candidate);
    if (gates) {
      PUT(gates, reset);
      PUT(gates + n, update);
      PUT(gates + 2 * n, candidate);
      PUT(gates + 3 * n, product);
    }
    PUT(h, result);
    PUT(y, result);
  }
}

// MARK: Backward. gh comes in as the cotangent of the next state but for y's; what goes out is the part of the gradient
// by the state before that takes no matrix.

#define ARRIVED (gy ? AT(gh) + AT(gy) : AT(gh))

static void NAME(plain_row_gradient)(int32_t cell, int64_t n, const REAL *y, const REAL *gy, REAL *gh, REAL *gsums) {
  for (int64_t i = 0; i < n; i += LANES) {
    VECTOR g = ARRIVED, v = AT(y);
    PUT(gsums, cell == TAPESTRY_CELL_TANH ? g * ((REAL)1 - v * v) : v > SPLAT(0) ? g : SPLAT(0));
    PUT(gh, SPLAT(0));
  }
}

static void NAME(lstm_row_gradient)(
    int64_t n, const REAL *gates, const REAL *before, const REAL *cells, const REAL *gy, REAL *gh, REAL *gc,
    REAL *gsums) {
  for (int64_t i = 0; i < n; i += LANES) {
    VECTOR in = AT(gates), forget = AT(gates + n), candidate = AT(gates + 2 * n), out = AT(gates + 3 * n);
    VECTOR g = ARRIVED, bent = NAME(tanh)(AT(cells));
    VECTOR through = AT(gc) + g * out * ((REAL)1 - bent * bent);
    PUT(gsums, through * candidate * in * ((REAL)1 - in));
    PUT(gsums + n, through * AT(before) * forget * ((REAL)1 - forget));
    PUT(gsums + 2 * n, through * in * ((REAL)1 - candidate * candidate));
    PUT(gsums + 3 * n, g * bent * out * ((REAL)1 - out));
    PUT(gc, through * forget);
    PUT(gh, SPLAT(0));
  }
}

/// gp are the gradients by the inputs' share, gq those by the hidden product.
static void NAME(gru_row_gradient)(
    int64_t n, const REAL *gates, const REAL *before, const REAL *gy, REAL *gh, REAL *gp, REAL *gq) {
  for (int64_t i = 0; i < n; i += LANES) {
    VECTOR reset = AT(gates), update = AT(gates + n), candidate = AT(gates + 2 * n), product = AT(gates + 3 * n);
    VECTOR g = ARRIVED;
    VECTOR by_candidate = g * ((REAL)1 - update) * ((REAL)1 - candidate * candidate);
    VECTOR by_reset = by_candidate * product * reset * ((REAL)1 - reset);
    VECTOR by_update = g * (AT(before) - candidate) * update * ((REAL)1 - update);
    PUT(gp, by_reset);
    PUT(gp + n, by_update);
    PUT(gp + 2 * n, by_candidate);
    PUT(gq, by_reset);
    PUT(gq + n, by_update);
    PUT(gq + 2 * n, by_candidate * reset);
    PUT(gh, g * update);
  }
}

#undef AT
#undef PUT
#undef ARRIVED
