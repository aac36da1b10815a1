// The matrix product for processors that are sure to run here: SSE2 of x86-64, or NEON.
#define ONLY_BASELINE 1
#include "gemm/gemm_unit.h"
