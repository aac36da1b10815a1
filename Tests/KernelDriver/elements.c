// Elementwise functions, with broadcasting; comparison and selection; rectifiers with masks; conversion; optimizer
// steps; random numbers.
#include "driver.h"

#include <math.h>

static double unary(int32_t function, double v, double alpha, double beta) {
  switch (function) {
    case TAPESTRY_NEGATE: return -v;
    case TAPESTRY_EXP: return exp(v);
    case TAPESTRY_LOG: return log(v);
    case TAPESTRY_SQRT: return sqrt(v);
    case TAPESTRY_SQUARE: return v * v;
    case TAPESTRY_ABS: return fabs(v);
    case TAPESTRY_SIGN: return (v > 0) - (v < 0);
    case TAPESTRY_TANH: return tanh(v);
    case TAPESTRY_SIGMOID: return 1 / (1 + exp(-v));
    case TAPESTRY_RELU: return v > 0 ? v : 0;
    case TAPESTRY_RECIPROCAL: return 1 / v;
    case TAPESTRY_SIN: return sin(v);
    case TAPESTRY_COS: return cos(v);
    case TAPESTRY_ERF: return erf(v);
    case TAPESTRY_LOG1P: return log1p(v);
    case TAPESTRY_EXPM1: return expm1(v);
    case TAPESTRY_SOFTPLUS: return (v > 0 ? v : 0) + log1p(exp(-fabs(v)));
    case TAPESTRY_AFFINE: return alpha * v + beta;
    case TAPESTRY_DIVIDE_INTO: return alpha / v;
    case TAPESTRY_POWER: return pow(v, alpha);
    case TAPESTRY_CLIP: return fmin(fmax(v, alpha), beta);
    case TAPESTRY_LEAKY_RELU: return v > 0 ? v : alpha * v;
    case TAPESTRY_ELU: return v > 0 ? v : alpha * expm1(v);
    case TAPESTRY_GELU:
      return (double)((long double)v / 2 *
                      erfcl(-(long double)v / sqrtl(2)));  // the argument's rounding counts 2 v^2 times
    case TAPESTRY_POSITIVE_MASK: return v > 0;
    default: return v == 0;
  }
}

static void unary_case(int32_t dtype) {
  int32_t function = (int32_t)pick(0, TAPESTRY_ZERO_MASK);
  int64_t count = pick(1, 300);
  bool positive =
      function == TAPESTRY_LOG || function == TAPESTRY_SQRT || function == TAPESTRY_POWER || function == TAPESTRY_LOG1P;
  double alpha = function == TAPESTRY_CLIP ? -0.5 : 1.5, beta = 0.75;
  describe("unary function %d of %lld", function, (long long)count);
  array x = operand_between(dtype, count, positive ? 0.01 : -4, 4), y = result(dtype, count);
  for (int64_t i = 0; i < count; i++) y.values[i] = unary(function, x.values[i], alpha, beta);
  tapestry_unary(function, dtype, count, x.memory, y.memory, alpha, beta);
  if (function == TAPESTRY_AFFINE) check(&y, 4e-7, 2e-15, "affine function");
  else check_each(&y, 4e-7, 2e-15, "unary function");
}

enum { most_rank = 4 };
static int64_t sizes[most_rank], strides[3][most_rank];

/// An index space and strides of `operands` dense arrays broadcast to it; counts of the operands and of the space.
static int32_t draw_space(int operands, int64_t *counts, int64_t *count) {
  int32_t rank = (int32_t)pick(0, most_rank);
  *count = 1;
  for (int32_t axis = 0; axis < rank; axis++) *count *= sizes[axis] = pick(1, axis == rank - 1 ? 40 : 5);
  for (int o = 0; o < operands; o++) {
    counts[o] = 1;
    for (int32_t axis = rank - 1; axis >= 0; axis--) {
      bool broadcast = chance(4);
      strides[o][axis] = broadcast ? 0 : counts[o];
      if (!broadcast) counts[o] *= sizes[axis];
    }
  }
  return rank;
}

static int64_t offset(int o, int32_t rank, int64_t index) {
  int64_t at = 0;
  for (int32_t axis = rank - 1; axis >= 0; axis--) {
    at += index % sizes[axis] * strides[o][axis];
    index /= sizes[axis];
  }
  return at;
}

static double binary(int32_t function, double u, double v) {
  switch (function) {
    case TAPESTRY_ADD: return u + v;
    case TAPESTRY_SUBTRACT: return u - v;
    case TAPESTRY_MULTIPLY: return u * v;
    case TAPESTRY_DIVIDE: return u / v;
    case TAPESTRY_MAXIMUM: return fmax(u, v);
    case TAPESTRY_MINIMUM: return fmin(u, v);
    case TAPESTRY_POW: return pow(u, v);
    case TAPESTRY_TANH_GRADIENT: return u * (1 - v * v);
    default: return u * v * (1 - v);
  }
}

static void space_case(int32_t dtype) {
  int64_t counts[3], count;
  int32_t rank = draw_space(3, counts, &count), function = (int32_t)pick(0, TAPESTRY_SIGMOID_GRADIENT);
  int32_t comparison = (int32_t)pick(TAPESTRY_EQUAL, TAPESTRY_GREATER_EQUAL);
  describe(
      "broadcast function %d and comparison %d, rank %d, %lld elements", function, comparison, rank, (long long)count);
  array a = operand_between(dtype, counts[0], 0.25, 4), b = operand_between(dtype, counts[1], 0.25, 4),
        y = result(dtype, count);
  array condition = integers(TAPESTRY_BOOL, counts[2], 0, 1), compared = result(TAPESTRY_BOOL, count),
        chosen = result(dtype, count);
  for (int64_t i = 0; i < count; i++) {
    double u = a.values[offset(0, rank, i)], v = b.values[offset(1, rank, i)];
    y.values[i] = binary(function, u, v);
    const bool all[] = {u == v, u != v, u<v, u <= v, u> v, u >= v};
    compared.values[i] = all[comparison];
    chosen.values[i] = condition.values[offset(2, rank, i)] != 0 ? u : v;
  }
  tapestry_binary(function, dtype, rank, sizes, strides[0], strides[1], a.memory, b.memory, y.memory);
  check(&y, 1e-6, 1e-14, "binary function");
  tapestry_compare(comparison, dtype, rank, sizes, strides[0], strides[1], a.memory, b.memory, compared.memory);
  check(&compared, 0, 0, "comparison");
  tapestry_select(
      dtype, rank, sizes, strides[2], strides[0], strides[1], condition.memory, a.memory, b.memory, chosen.memory);
  check(&chosen, 0, 0, "selection");
}

static void masked_case(int32_t dtype) {
  int64_t count = pick(1, 300);
  describe("masked relu of %lld", (long long)count);
  array x = operand(dtype, count), g = operand(dtype, count), y = result(dtype, count), gx = result(dtype, count);
  array mask = result(TAPESTRY_INT32, (count + 31) / 32);
  uint32_t bits[16] = {0};
  for (int64_t i = 0; i < count; i++) {
    bool positive = x.values[i] > 0;
    y.values[i] = positive ? x.values[i] : 0;
    gx.values[i] = positive ? g.values[i] : 0;
    if (positive) bits[i / 32] |= 1u << i % 32;
  }
  for (int64_t i = 0; i < mask.count; i++) mask.values[i] = (double)(int32_t)bits[i];
  tapestry_relu_masked(dtype, count, x.memory, y.memory, mask.memory);
  check(&y, 0, 0, "masked relu");
  check(&mask, 0, 0, "mask");
  tapestry_relu_masked_gradient(dtype, count, g.memory, mask.memory, gx.memory);
  check(&gx, 0, 0, "gradient of the masked relu");
  array copy = result(dtype, count);
  for (int64_t i = 0; i < count; i++) copy.values[i] = 1.25;
  tapestry_fill(dtype, count, 1.25, copy.memory);
  check(&copy, 0, 0, "fill");
}

static void conversion_case(void) {
  int32_t from = pick_dtype(), to = (int32_t)pick(0, 4);
  int64_t count = pick(1, 300);
  describe("conversion of %lld from %d to %d", (long long)count, from, to);
  array x = operand_between(from, count, -100, 100), y = result(to, count), ramp = result(TAPESTRY_FLOAT64, count);
  for (int64_t i = 0; i < count; i++) {
    double v = x.values[i];
    y.values[i] = to == TAPESTRY_FLOAT32   ? (double)(float)v
                  : to == TAPESTRY_FLOAT64 ? v
                  : to == TAPESTRY_BOOL    ? v != 0
                                           : trunc(v);
    ramp.values[i] = 0.5 + (double)i * 0.25;
  }
  tapestry_convert(from, to, count, x.memory, y.memory);
  check(&y, 0, 0, "conversion");
  tapestry_ramp(TAPESTRY_FLOAT64, count, 0.5, 0.25, ramp.memory);
  check(&ramp, 0, 0, "ramp");
}

static void optimizer_case(int32_t dtype) {
  int64_t count = pick(1, 300);
  describe("optimizer steps of %lld", (long long)count);
  array g = operand(dtype, count), buffer = result_with(dtype, count), p = result_with(dtype, count),
        q = result_with(dtype, count);
  array m = result_with(dtype, count), v = result(dtype, count), most = result(dtype, count);
  bool amsgrad = chance(2);
  tapestry_fill(dtype, count, 0.25, v.memory);
  tapestry_fill(dtype, count, 0.2, most.memory);
  double before = dtype == TAPESTRY_FLOAT32 ? (double)0.2f : 0.2;
  tapestry_sgd sgd = {0.1, 0.9, 0.1, 0.01, 0.5, chance(2), false};
  tapestry_adam adam = {0.01, 0.9, 0.99, 1e-8, 0.01, 0.5, 0.19, 0.0199, chance(2)};
  for (int64_t i = 0; i < count; i++) {
    double gradient = 0.5 * g.values[i] + 0.01 * p.values[i], b = 0.9 * buffer.values[i] + 0.9 * gradient;
    buffer.values[i] = b;
    p.values[i] -= 0.1 * (sgd.nesterov ? gradient + 0.9 * b : b);
    gradient = 0.5 * g.values[i] + (adam.decoupled ? 0 : 0.01 * q.values[i]);
    m.values[i] = 0.9 * m.values[i] + 0.1 * gradient;
    v.values[i] = 0.99 * 0.25 + 0.01 * gradient * gradient;
    most.values[i] = amsgrad ? fmax(before, v.values[i]) : before;
    double shrunk = q.values[i] * (adam.decoupled ? 1 - 0.01 * 0.01 : 1);
    q.values[i] =
        shrunk - 0.01 * (m.values[i] / 0.19) / (sqrt((amsgrad ? most.values[i] : v.values[i]) / 0.0199) + 1e-8);
  }
  tapestry_sgd_step(dtype, count, &sgd, g.memory, buffer.memory, p.memory);
  check(&buffer, 1e-6, 1e-14, "momentum of SGD");
  check(&p, 1e-6, 1e-14, "step of SGD");
  tapestry_adam_step(dtype, count, &adam, g.memory, m.memory, v.memory, amsgrad ? most.memory : NULL, q.memory);
  check(&m, 1e-6, 1e-14, "first moment of Adam");
  check(&v, 1e-6, 1e-14, "second moment of Adam");
  check(&most, 1e-6, 1e-14, "largest second moment");
  check(&q, 1e-6, 1e-14, "step of Adam");
}

static void random_case(int32_t dtype) {
  int64_t count = pick(1, 300);
  describe("random numbers, %lld", (long long)count);
  array uniform = result(dtype, count), normal = result(dtype, count), mask = result(dtype, count);
  uint64_t key = (uint64_t)pick(0, 1 << 30), counter = (uint64_t)pick(0, 1 << 30);
  for (int64_t i = 0; i < count; i++) {
    uint64_t low, high;
    tapestry_random_block(key, counter, &low, &high);  // block 0: elements 0 and 1 of float64, 0 ... 3 of float32
    uint32_t words[4] = {(uint32_t)low, (uint32_t)(low >> 32), (uint32_t)high, (uint32_t)(high >> 32)};
    if (i < 4) mask.values[i] = words[i] < 0x40000000 ? 0 : 2;
    if (i < 4 && dtype == TAPESTRY_FLOAT32) uniform.values[i] = (double)(words[i] >> 8) * 0x1p-24;
    if (i < 2 && dtype == TAPESTRY_FLOAT64) uniform.values[i] = (double)((i ? high : low) >> 11) * 0x1p-53;
    if (i < 2) {
      double radius = sqrt(-2 * log((double)((low >> 11) + 1) * 0x1p-53)),
             angle = 2 * 3.14159265358979323846 * (double)(high >> 11) * 0x1p-53;
      normal.values[i] = radius * (i ? sin(angle) : cos(angle));
    }
  }
  tapestry_random_uniform(dtype, key, counter, count, 0, 1, uniform.memory);
  tapestry_random_normal(dtype, key, counter, count, 0, 1, normal.memory);
  tapestry_random_mask(dtype, key, counter, count, 0.25, 2, mask.memory);
  // Later blocks are compared through the bits that are printed, which are the same on every processor.
  uniform.count = dtype == TAPESTRY_FLOAT32 && count > 4 ? 4 : dtype == TAPESTRY_FLOAT64 && count > 2 ? 2 : count;
  normal.count = count > 2 ? 2 : count;
  mask.count = count > 4 ? 4 : count;
  check(&uniform, 1e-7, 1e-15, "uniform numbers");
  check(&normal, 1e-6, 1e-13, "normal numbers");
  check(&mask, 0, 0, "mask");
}

void elements_case(void) {
  int32_t dtype = pick_dtype();
  switch (pick(0, 9)) {
    case 0:
    case 1:
    case 2:
    case 3: unary_case(dtype); break;
    case 4:
    case 5: space_case(dtype); break;
    case 6: masked_case(dtype); break;
    case 7: conversion_case(); break;
    case 8: optimizer_case(dtype); break;
    default: random_case(dtype);
  }
}
