// One variant of the matrix product (see variants.h), for float and double.
#define REAL float
#define REAL_BYTES 4
#define TYPED(name) VARIANT(name##_f32)
#include "gemm/gemm_typed.h"
#undef REAL
#undef REAL_BYTES
#undef TYPED

#define REAL double
#define REAL_BYTES 8
#define TYPED(name) VARIANT(name##_f64)
#include "gemm/gemm_typed.h"
#undef REAL
#undef REAL_BYTES
#undef TYPED
