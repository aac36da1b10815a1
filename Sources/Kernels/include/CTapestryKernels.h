// The C kernels of Tapestry. Every function works on dense row-major memory, takes its sizes as
// arguments and never allocates on its own behalf except for scratch that it takes from the pool
// below. `dtype` is a tapestry_dtype; pointers are to elements of that type.
#ifndef CTAPESTRY_KERNELS_H
#define CTAPESTRY_KERNELS_H

#include "tapestry_machine.h"
#include "tapestry_memory.h"
#include "tapestry_ending.h"
#include "tapestry_checksum.h"
#include "tapestry_threads.h"
#include "tapestry_elementwise.h"
#include "tapestry_reduction.h"
#include "tapestry_scan.h"
#include "tapestry_sorting.h"
#include "tapestry_truth.h"
#include "tapestry_places.h"
#include "tapestry_copy.h"
#include "tapestry_scatter.h"
#include "tapestry_ctc.h"
#include "tapestry_gemm.h"
#include "tapestry_convolution.h"
#include "tapestry_pooling.h"
#include "tapestry_depth.h"
#include "tapestry_normalization.h"
#include "tapestry_boxes.h"
#include "tapestry_channels.h"
#include "tapestry_bags.h"
#include "tapestry_recurrent.h"
#include "tapestry_attention.h"
#include "tapestry_softmax.h"
#include "tapestry_random.h"
#include "tapestry_sampling.h"
#include "tapestry_resample.h"
#include "tapestry_optimizer.h"

#endif
