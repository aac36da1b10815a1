// The convolution for AVX-512.
#define ONLY_AVX512 1
#include "convolution/convolution_unit.h"
