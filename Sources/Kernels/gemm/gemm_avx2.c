// The matrix product for AVX2.
#define ONLY_AVX2 1
#include "gemm/gemm_unit.h"
