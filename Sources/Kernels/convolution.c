// Convolutions in three directions, by their definition.
#include "include/CTapestryKernels.h"

#include <string.h>

// Runs `body` for every pair of an input pixel and an output pixel that a weight connects.
#define FOR_EACH_CONNECTION(s, body)                                                               \
  for (int64_t n = 0; n < s->batch; n++)                                                           \
    for (int64_t f = 0; f < s->filters; f++)                                                       \
      for (int64_t i = 0; i < s->output_height; i++)                                               \
        for (int64_t j = 0; j < s->output_width; j++) {                                            \
          int64_t per_group = s->channels / s->groups, first = f / (s->filters / s->groups) * per_group; \
          int64_t out = ((n * s->filters + f) * s->output_height + i) * s->output_width + j;       \
          for (int64_t c = 0; c < per_group; c++)                                                  \
            for (int64_t kh = 0; kh < s->kernel_height; kh++)                                      \
              for (int64_t kw = 0; kw < s->kernel_width; kw++) {                                   \
                int64_t h = i * s->stride_height - s->top + kh * s->dilation_height;               \
                int64_t v = j * s->stride_width - s->left + kw * s->dilation_width;                \
                if (h < 0 || h >= s->height || v < 0 || v >= s->width) continue;                   \
                int64_t in = ((n * s->channels + first + c) * s->height + h) * s->width + v;       \
                int64_t tap = ((f * per_group + c) * s->kernel_height + kh) * s->kernel_width + kw; \
                body                                                                               \
              }                                                                                    \
        }

#define DEFINE(real, suffix)                                                                                  \
  static void forward_##suffix(                                                                               \
      const tapestry_convolution *s, const real *x, const real *w, const real *bias, bool relu, real *y) {    \
    int64_t pixels = s->output_height * s->output_width, count = s->batch * s->filters * pixels;              \
    memset(y, 0, (size_t)count * sizeof(real));                                                               \
    FOR_EACH_CONNECTION(s, y[out] += x[in] * w[tap];)                                                         \
    for (int64_t i = 0; i < count; i++) {                                                                     \
      if (bias) y[i] += bias[i / pixels % s->filters];                                                        \
      if (relu && y[i] < 0) y[i] = 0;                                                                         \
    }                                                                                                         \
  }                                                                                                           \
  static void input_gradient_##suffix(                                                                        \
      const tapestry_convolution *s, const real *gy, const real *w, real *gx) {                               \
    memset(gx, 0, (size_t)(s->batch * s->channels * s->height * s->width) * sizeof(real));                    \
    FOR_EACH_CONNECTION(s, gx[in] += gy[out] * w[tap];)                                                       \
  }                                                                                                           \
  static void weight_gradient_##suffix(                                                                       \
      const tapestry_convolution *s, const real *x, const real *gy, real *gw) {                               \
    memset(                                                                                                   \
        gw, 0, (size_t)(s->filters * (s->channels / s->groups) * s->kernel_height * s->kernel_width) * sizeof(real)); \
    FOR_EACH_CONNECTION(s, gw[tap] += x[in] * gy[out];)                                                       \
  }                                                                                                           \
  static void bias_gradient_##suffix(const tapestry_convolution *s, const real *gy, real *gb) {               \
    int64_t pixels = s->output_height * s->output_width;                                                      \
    for (int64_t f = 0; f < s->filters; f++) {                                                                \
      double sum = 0;                                                                                         \
      for (int64_t n = 0; n < s->batch; n++)                                                                  \
        for (int64_t p = 0; p < pixels; p++) sum += gy[(n * s->filters + f) * pixels + p];                    \
      gb[f] = (real)sum;                                                                                      \
    }                                                                                                         \
  }
DEFINE(float, f32)
DEFINE(double, f64)

void tapestry_convolution_forward(
    int32_t dtype, const tapestry_convolution *shape, const void *x, const void *weight, const void *bias, bool relu, void *y) {
  if (dtype == TAPESTRY_FLOAT32) forward_f32(shape, x, weight, bias, relu, y);
  else forward_f64(shape, x, weight, bias, relu, y);
}

void tapestry_convolution_input_gradient(
    int32_t dtype, const tapestry_convolution *shape, const void *gy, const void *weight, void *gx) {
  if (dtype == TAPESTRY_FLOAT32) input_gradient_f32(shape, gy, weight, gx);
  else input_gradient_f64(shape, gy, weight, gx);
}

void tapestry_convolution_weight_gradient(
    int32_t dtype, const tapestry_convolution *shape, const void *x, const void *gy, void *gw) {
  if (dtype == TAPESTRY_FLOAT32) weight_gradient_f32(shape, x, gy, gw);
  else weight_gradient_f64(shape, x, gy, gw);
}

void tapestry_convolution_bias_gradient(int32_t dtype, const tapestry_convolution *shape, const void *gy, void *gb) {
  if (dtype == TAPESTRY_FLOAT32) bias_gradient_f32(shape, gy, gb);
  else bias_gradient_f64(shape, gy, gb);
}
