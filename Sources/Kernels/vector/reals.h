// Compiles one kernel source for float64 and then float32 inside every variant:
//
//   #define REAL_SOURCE "normalization/softmax_kernel.h"
//   #define KERNEL_SOURCE "vector/reals.h"
//   #include "runtime/variants.h"
//
// includes softmax_kernel.h with these macros, besides those of variants.h:
//   REAL            double or float;  IS_DOUBLE is 1 or 0
//   NAME(name)      name with the suffixes of type and variant: DISPATCH(name_f32) finds it
//   LANES           elements in a vector;  VECTOR, MASK: a vector of REAL, of integers of its width
//   REAL_INT        the integer of REAL's width that the compiler compares such vectors to (not int64_t, which is
//                   long long on some systems)
// and the loads and stores of vectors.h. float64 comes first: float32 code may use its functions, WIDE(name).

#define NAME(name) VARIANT(name##_f64)
#define WIDE(name) VARIANT(name##_f64)
#define REAL double
#define REAL_INT long
#define IS_DOUBLE 1
#define LANES (VECTOR_BYTES / 8)
#include "vector/vectors.h"
#include REAL_SOURCE
#undef NAME
#undef REAL
#undef REAL_INT
#undef IS_DOUBLE
#undef LANES

#define NAME(name) VARIANT(name##_f32)
#define REAL float
#define REAL_INT int
#define IS_DOUBLE 0
#define LANES (VECTOR_BYTES / 4)
#include "vector/vectors.h"
#include REAL_SOURCE
#undef NAME
#undef WIDE
#undef REAL
#undef REAL_INT
#undef IS_DOUBLE
#undef LANES
