// The matrix product for AVX-512.
#define ONLY_AVX512 1
#include "gemm/gemm_unit.h"
