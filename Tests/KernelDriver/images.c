// Pooling, and channels of images that are parts of something larger; bilinear sampling of a line.
#include "driver.h"

#include <math.h>

static int64_t output_size(
    int64_t size, int64_t before, int64_t after, int64_t kernel, int64_t stride, int64_t dilation) {
  int64_t room = size + before + after - dilation * (kernel - 1) - 1;
  return room < 0 ? 0 : room / stride + 1;
}

static tapestry_pooling draw(void) {
  tapestry_pooling s;
  do {
    s.planes = pick(1, 6);
    s.height = pick(1, chance(3) ? 40 : 9), s.width = chance(2) ? s.height : pick(1, chance(3) ? 60 : 9);
    s.kernel_height = chance(2) ? pick(2, 3) : pick(1, 5), s.kernel_width = chance(3) ? pick(1, 5) : s.kernel_height;
    s.stride_height = pick(1, 3), s.stride_width = chance(3) ? pick(1, 3) : s.stride_height;
    s.dilation_height = chance(6) ? 2 : 1, s.dilation_width = chance(6) ? 2 : 1;
    // With neighbouring taps and less padding than kernel every window has a pixel.
    bool pads = s.dilation_height * s.dilation_width == 1 && chance(2);
    s.top = pads ? pick(0, s.kernel_height - 1) : 0, s.left = pads ? pick(0, s.kernel_width - 1) : 0;
    s.bottom = pads ? pick(0, s.kernel_height - 1) : 0, s.right = pads ? pick(0, s.kernel_width - 1) : 0;
    s.output_height = output_size(s.height, s.top, s.bottom, s.kernel_height, s.stride_height, s.dilation_height);
    s.output_width = output_size(s.width, s.left, s.right, s.kernel_width, s.stride_width, s.dilation_width);
  } while (s.output_height == 0 || s.output_width == 0);
  return s;
}

static void pooling_case(int32_t dtype) {
  tapestry_pooling s = draw();
  int32_t mode = (int32_t)pick(0, 2);
  describe(
      "pooling of %lld planes %lldx%lld, window %lldx%lld, stride %lldx%lld, padding %lld %lld %lld %lld, dilation "
      "%lldx%lld, mode %d",
      (long long)s.planes, (long long)s.height, (long long)s.width, (long long)s.kernel_height,
      (long long)s.kernel_width, (long long)s.stride_height, (long long)s.stride_width, (long long)s.top,
      (long long)s.left, (long long)s.bottom, (long long)s.right, (long long)s.dilation_height,
      (long long)s.dilation_width, mode);
  int64_t inputs = s.height * s.width, outputs = s.output_height * s.output_width;
  array x = operand(dtype, s.planes * inputs), g = operand(dtype, s.planes * outputs);
  array largest = result(dtype, s.planes * outputs), alone = result(dtype, s.planes * outputs),
        again = result(dtype, s.planes * outputs);
  array places = result(TAPESTRY_INT32, s.planes * outputs), numbers = result(TAPESTRY_BOOL, s.planes * outputs);
  array spread = result(dtype, s.planes * inputs), scattered = result(dtype, s.planes * inputs);
  array gathered = result(dtype, s.planes * outputs), picked = result(dtype, s.planes * outputs);
  array sum = result(dtype, s.planes * outputs), gx = result(dtype, s.planes * inputs);
  for (int64_t p = 0; p < s.planes; p++)
    for (int64_t i = 0; i < s.output_height; i++)
      for (int64_t j = 0; j < s.output_width; j++) {
        int64_t o = p * outputs + i * s.output_width + j, where = -1, number = 0, inside = 0, padded = 0;
        double best = 0, total = 0;
        for (int pass = 0; pass < 2; pass++)
          for (int64_t a = 0; a < s.kernel_height; a++)
            for (int64_t b = 0; b < s.kernel_width; b++) {
              int64_t h = i * s.stride_height - s.top + a * s.dilation_height;
              int64_t w = j * s.stride_width - s.left + b * s.dilation_width;
              if (pass == 0) padded += h >= -s.top && h < s.height + s.bottom && w >= -s.left && w < s.width + s.right;
              if (h < 0 || h >= s.height || w < 0 || w >= s.width) continue;
              double v = x.values[p * inputs + h * s.width + w];
              if (pass == 0) {
                inside++;
                total += v;
                if (where < 0 || v > best) best = v, where = h * s.width + w, number = a * s.kernel_width + b;
              } else {
                double divisor =
                    mode == TAPESTRY_POOL_SUM ? 1 : (double)(mode == TAPESTRY_POOL_AVERAGE_PADDED ? padded : inside);
                gx.values[p * inputs + h * s.width + w] += g.values[o] / divisor;
              }
            }
        largest.values[o] = alone.values[o] = again.values[o] = gathered.values[o] = picked.values[o] = best;
        places.values[o] = (double)where;
        numbers.values[o] = (double)number;
        spread.values[p * inputs + where] += g.values[o];
        scattered.values[p * inputs + where] += g.values[o];
        sum.values[o] = mode == TAPESTRY_POOL_SUM
                            ? total
                            : total / (double)(mode == TAPESTRY_POOL_AVERAGE_PADDED ? padded : inside);
      }
  tapestry_max_pool(dtype, &s, x.memory, largest.memory, places.memory);
  check(&largest, 0, 0, "maximum");
  check(&places, 0, 0, "places of the maximum");
  tapestry_max_pool(dtype, &s, x.memory, alone.memory, NULL);
  check(&alone, 0, 0, "maximum alone");
  tapestry_max_pool_numbered(dtype, &s, x.memory, again.memory, numbers.memory);
  check(&again, 0, 0, "maximum with numbers");
  check(&numbers, 0, 0, "numbers of the maximum");
  tapestry_max_pool_spread(dtype, &s, g.memory, numbers.memory, spread.memory);
  check(&spread, 1e-6, 1e-14, "gradient of the maximum");
  tapestry_max_pool_gather(dtype, &s, x.memory, numbers.memory, gathered.memory);
  check(&gathered, 0, 0, "gather by numbers");
  tapestry_plane_scatter(dtype, s.planes, outputs, inputs, g.memory, places.memory, scattered.memory);
  check(&scattered, 1e-6, 1e-14, "scatter by places");
  tapestry_plane_gather(dtype, s.planes, outputs, inputs, x.memory, places.memory, picked.memory);
  check(&picked, 0, 0, "gather by places");
  tapestry_sum_pool(dtype, mode, &s, x.memory, sum.memory);
  check(&sum, 2e-6, 1e-14, "sum");
  tapestry_sum_pool_gradient(dtype, mode, &s, g.memory, gx.memory);
  check(&gx, 2e-6, 1e-14, "gradient of the sum");
}

static void channels_case(int32_t dtype) {
  int64_t samples = pick(1, 4), channels = pick(1, 9), pixels = pick(1, 70), stride = channels * pixels + pick(0, 20);
  describe(
      "rectified channels: %lld samples, %lld channels, %lld pixels, stride %lld", (long long)samples,
      (long long)channels, (long long)pixels, (long long)stride);
  array x = operand(dtype, (samples - 1) * stride + channels * pixels), scale = operand(dtype, channels);
  array shift = operand(dtype, channels), y = result(dtype, samples * channels * pixels);
  for (int64_t i = 0; i < y.count; i++) {
    int64_t n = i / pixels / channels, c = i / pixels % channels;
    y.values[i] = fmax(0, scale.values[c] * x.values[n * stride + i % (channels * pixels)] + shift.values[c]);
  }
  tapestry_rectify_channels(dtype, samples, channels, pixels, x.memory, stride, scale.memory, shift.memory, y.memory);
  check(&y, 1e-6, 1e-14, "rectified channels");
}

static void sampling_case(void) {
  int64_t width = pick(2, 40), height = pick(2, 40), last = pick(1, 60);
  float x = (float)pick(0, 64) / 64 * (float)(width - 2), y = (float)pick(0, 64) / 64 * (float)(height - 2);
  float reach_x = (float)pick(0, 63) / 64 * (float)(width - 1), reach_y = (float)pick(0, 63) / 64 * (float)(height - 1);
  float step_x = last > 1 ? (reach_x - x) / (float)last : 0, step_y = last > 1 ? (reach_y - y) / (float)last : 0;
  describe("line of %lld in %lldx%lld", (long long)last, (long long)height, (long long)width);
  array plane = operand(TAPESTRY_FLOAT32, width * height), line = result(TAPESTRY_FLOAT32, last);
  for (int64_t i = 0; i < last; i++) {
    float column = x + step_x * (float)i, row = y + step_y * (float)i;
    int64_t left = (int64_t)column, top = (int64_t)row;
    double h = (double)column - (double)left, v = (double)row - (double)top;
    const double *p = plane.values + top * width + left;
    line.values[i] = (p[0] * (1 - h) + p[1] * h) * (1 - v) + (p[width] * (1 - h) + p[width + 1] * h) * v;
  }
  tapestry_sample_line(plane.memory, width, x, y, step_x, step_y, 0, last, line.memory);
  check(&line, 4e-6, 0, "sampled line");
}

static void depth_case(int32_t dtype) {
  tapestry_depth s = {
      .samples = pick(0, 3),
      .channels = pick(1, 5),
      .depth = pick(1, 7),
      .plane = pick(1, chance(4) ? 400 : 60),
      .outputs = pick(1, 6),
      .taps = pick(1, 4),
      .stride = pick(1, 3),
      .dilation = pick(1, 3),
      .front = pick(0, 3)};
  describe(
      "depth %lld, %lld windows of %lld planes, stride %lld, dilation %lld, front %lld, planes of %lld",
      (long long)s.depth, (long long)s.outputs, (long long)s.taps, (long long)s.stride, (long long)s.dilation,
      (long long)s.front, (long long)s.plane);
  int64_t inputs = s.samples * s.channels * s.depth * s.plane,
          count = s.samples * s.outputs * s.channels * s.taps * s.plane;
  array x = operand(dtype, inputs), y = result(dtype, count), g = operand(dtype, count), gx = result(dtype, inputs);
  for (int64_t i = 0; i < count; i++) {
    int64_t tap = i / s.plane % s.taps, channel = i / s.plane / s.taps % s.channels;
    int64_t output = i / s.plane / s.taps / s.channels % s.outputs;
    int64_t sample = i / s.plane / s.taps / s.channels / s.outputs;
    int64_t z = output * s.stride + tap * s.dilation - s.front;
    if (z < 0 || z >= s.depth) continue;
    int64_t place = ((sample * s.channels + channel) * s.depth + z) * s.plane + i % s.plane;
    y.values[i] = x.values[place];
    gx.values[place] += g.values[i];
  }
  tapestry_depth_unfold(dtype == TAPESTRY_FLOAT32 ? 4 : 8, &s, x.memory, y.memory);
  check(&y, 0, 0, "planes of the windows");
  tapestry_depth_fold(dtype, &s, g.memory, gx.memory);
  check(&gx, 1e-6, 1e-14, "planes added up");
}

void images_case(void) {
  int32_t dtype = pick_dtype();
  if (chance(10)) channels_case(dtype);
  else if (chance(10)) sampling_case();
  else if (chance(6)) depth_case(dtype);
  else pooling_case(dtype);
}
