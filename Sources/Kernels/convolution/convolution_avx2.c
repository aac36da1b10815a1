// The convolution for AVX2.
#define ONLY_AVX2 1
#include "convolution/convolution_unit.h"
