// A program that calls every kernel with random shapes and compares the results with plain loops in double. Operands
// and results lie against an unreadable page, at their end or at their beginning, so that a read or write beyond them
// ends the program.
#ifndef KERNEL_DRIVER_H
#define KERNEL_DRIVER_H

#include "CTapestryKernels.h"

#include <stdbool.h>
#include <stdint.h>

/// An operand or a result: the elements as a kernel sees them, and as doubles: what is in an operand, what is expected
/// of a result.
typedef struct {
  int32_t dtype;
  int64_t count;
  void *memory;
  double *values;
} array;

/// Random numbers in low ... high, the same for one seed on every machine. `chance`: true once in `times`.
int64_t pick(int64_t low, int64_t high);
bool chance(int64_t times);
/// float32 or float64.
int32_t pick_dtype(void);

/// Values in -1/2 ..< 1/2 that float32 holds exactly. All arrays of a case are taken back when it ends; operands must
/// be as they were.
array operand(int32_t dtype, int64_t count);
/// The same, scaled and shifted: in low ..< high, rounded to the type.
array operand_between(int32_t dtype, int64_t count, double low, double high);
/// Integers from low to high, of dtype TAPESTRY_INT32, TAPESTRY_INT64 or TAPESTRY_BOOL.
array integers(int32_t dtype, int64_t count, int64_t low, int64_t high);
/// Memory of NaN for a kernel to write to, and expected values of 0.
array result(int32_t dtype, int64_t count);
/// A result that holds values before: what is not overwritten or is added to.
array result_with(int32_t dtype, int64_t count);

/// Ends the program unless every element is within `single` (float64: `precise`) times the largest expected magnitude,
/// at least 1.
void check(const array *result, double single, double precise, const char *what);
/// The same within a share of each element's own magnitude.
void check_each(const array *result, double single, double precise, const char *what);
/// Says which case is at work, should it fail.
void describe(const char *format, ...) __attribute__((format(printf, 1, 2)));

void convolution_case(void);
void gemm_case(void);
void images_case(void);
void normalization_case(void);
void softmax_case(void);
void elements_case(void);
void reduction_case(void);
void copy_case(void);

#endif
