// One step of the recursions of ctc.c over all states, in double alone.
#include "vector/mathematics_kernel.h"
#if IS_DOUBLE

/// out[s] = ln(e^a[s] + e^b[s] + e^(c[s] + skip[s])) + e[s] for `padded` states, whole vectors; e may be NULL. With
/// tangents (or all four NULL) d_out[s] is how out moves when a, b, c and e move along da, db, dc and de.
static void NAME(ctc_step)(
    int64_t padded, const REAL *a, const REAL *b, const REAL *c, const REAL *skip, const REAL *e, REAL *out,
    const REAL *da, const REAL *db, const REAL *dc, const REAL *de, REAL *d_out) {
  VECTOR lowest = SPLAT(-__builtin_inf());
  for (int64_t s = 0; s < padded; s += LANES) {
    VECTOR u = NAME(load)(a + s), v = NAME(load)(b + s), w = NAME(load)(c + s) + NAME(load)(skip + s);
    VECTOR m = NAME(larger)(NAME(larger)(u, v), w);
    VECTOR shift = m == lowest ? SPLAT(0) : m;  // -inf - -inf would be NaN
    u = NAME(exp)(u - shift), v = NAME(exp)(v - shift), w = NAME(exp)(w - shift);
    VECTOR sum = u + v + w, y = shift + NAME(log)(sum);
    if (e) y += NAME(load)(e + s);
    NAME(store)(out + s, y);
    if (!d_out) continue;
    VECTOR d = u * NAME(load)(da + s) + v * NAME(load)(db + s) + w * NAME(load)(dc + s);
    d = sum == SPLAT(0) ? SPLAT(0) : d / sum;
    if (de) d += NAME(load)(de + s);
    NAME(store)(d_out + s, d);
  }
}

/// out[s] = e^(a[s] + b[s] - total): the probability of standing in a state.
static void NAME(ctc_occupancy)(int64_t padded, const REAL *a, const REAL *b, REAL total, REAL *out) {
  for (int64_t s = 0; s < padded; s += LANES)
    NAME(store)(out + s, NAME(exp)(NAME(load)(a + s) + NAME(load)(b + s) - total));
}
#endif
