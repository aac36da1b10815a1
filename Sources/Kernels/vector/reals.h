// Compiles one kernel source for float64 and then float32 inside every variant:
//
//   #define REAL_SOURCE "normalization/softmax_kernel.h"
//   #define KERNEL_SOURCE "vector/reals.h"
//   #include "runtime/variants.h"
//
// includes softmax_kernel.h twice per variant, with the language of vectors.h and these macros, besides those of
// variants.h:
//   REAL            double or float;  IS_DOUBLE is 1 or 0;  REAL_BYTES is 8 or 4
//   NAME(name)      name with the suffixes of type and variant: DISPATCH(name_f32) finds it
//   LANES           elements in a vector
//   REAL_INT        the integer of REAL's width that the compiler compares such vectors to (not int64_t, which is
//                   long long on some systems)
// float64 comes first: float32 code may use its functions, WIDE(name).
//
// The source is a plain list of types and functions. It needs no prologue and no #undef: a macro of its own may be
// defined again with the same words, so one that differs by variant or type is an expression of the above (#define ROWS
// (VECTOR_REGISTERS == 32 ? 8 : 4)).

#define WIDE(name) VARIANT(name##_f64)

#define NAME(name) VARIANT(name##_f64)
#define REAL double
#define REAL_INT long
#define IS_DOUBLE 1
#define REAL_BYTES 8
#define LANES (VECTOR_BYTES / REAL_BYTES)
#include "vector/vectors.h"
#include REAL_SOURCE
#undef NAME
#undef REAL
#undef REAL_INT
#undef IS_DOUBLE
#undef REAL_BYTES

#define NAME(name) VARIANT(name##_f32)
#define REAL float
#define REAL_INT int
#define IS_DOUBLE 0
#define REAL_BYTES 4
#include "vector/vectors.h"
#include REAL_SOURCE
#undef NAME
#undef REAL
#undef REAL_INT
#undef IS_DOUBLE
#undef REAL_BYTES
