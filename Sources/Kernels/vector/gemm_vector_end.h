// Takes back the macros of gemm_vector.h, so that it can be included for the next type.
#undef LANES
#undef V
#undef V_UNALIGNED
#undef V_MASK
#undef LOAD
#undef STORE
#undef SPLAT
#undef FMA
#undef INLINE
#undef UNROLL
#undef LOW_HALVES
#undef HIGH_HALVES
#undef EVENS
#undef ODDS
