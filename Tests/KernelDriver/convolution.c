// Convolution in three directions, with all that its epilogue does, and the gradient by the bias.
#include "driver.h"

static tapestry_convolution shape;

static int64_t output_size(
    int64_t size, int64_t before, int64_t after, int64_t kernel, int64_t stride, int64_t dilation) {
  int64_t room = size + before + after - dilation * (kernel - 1) - 1;
  return room < 0 ? 0 : room / stride + 1;
}

/// Shapes of all ways of computing: small, as deep as the layers of real nets are, 1x1, depthwise, batches of small
/// images.
static void draw(void) {
  tapestry_convolution s = {
      .stride_height = 1, .stride_width = 1, .dilation_height = 1, .dilation_width = 1, .groups = 1};
  double products;
  do {
    s.batch = chance(4) ? pick(8, 40) : pick(1, 4);
    s.groups = chance(5) ? pick(2, 6) : 1;
    int64_t wide = chance(3) ? 80 : 9;
    s.channels = s.groups * pick(1, wide);
    s.filters = s.groups * pick(1, wide);
    if (chance(8)) {  // depthwise
      s.groups = s.channels = pick(4, 20);
      s.filters = s.channels * pick(1, 2);
    }
    s.height = pick(1, chance(3) ? 40 : 10);
    s.width = chance(2) ? s.height : pick(1, chance(3) ? 40 : 10);
    s.kernel_height = chance(3) ? 1 : chance(2) ? 3 : pick(1, 7);
    s.kernel_width = chance(3) ? pick(1, 7) : s.kernel_height;
    s.stride_height = chance(3) ? pick(1, 4) : 1;
    s.stride_width = chance(4) ? pick(1, 4) : s.stride_height;
    s.dilation_height = chance(6) ? pick(1, 3) : 1;
    s.dilation_width = chance(6) ? pick(1, 3) : s.dilation_height;
    bool pads = chance(2);
    s.top = pads ? pick(0, s.kernel_height - 1) : 0, s.left = pads ? pick(0, s.kernel_width - 1) : 0;
    s.bottom = pads ? pick(0, s.kernel_height - 1) : 0, s.right = pads ? pick(0, s.kernel_width - 1) : 0;
    s.output_height = output_size(s.height, s.top, s.bottom, s.kernel_height, s.stride_height, s.dilation_height);
    s.output_width = output_size(s.width, s.left, s.right, s.kernel_width, s.stride_width, s.dilation_width);
    products = (double)(s.batch * s.filters * s.output_height * s.output_width) *
               (double)(s.channels / s.groups * s.kernel_height * s.kernel_width);
  } while (s.output_height == 0 || s.output_width == 0 || products > (chance(20) ? 4e6 : 3e5) ||
           s.batch * s.channels * s.height * s.width > 200000);
  shape = s;
}

void convolution_case(void) {
  draw();
  const tapestry_convolution *s = &shape;
  int32_t dtype = pick_dtype();
  int64_t pixels = s->output_height * s->output_width, image = s->filters * pixels,
          gap = chance(3) ? pick(0, 2) * pixels : 0;
  bool has_scale = chance(3), has_bias = chance(2), has_addend = chance(3), relu = chance(2);
  describe(
      "float%d batch %lld, %lld channels %lldx%lld, %lld filters %lldx%lld, groups %lld, stride %lldx%lld, padding "
      "%lld %lld %lld %lld, "
      "dilation %lldx%lld%s%s%s%s, gap %lld",
      dtype == TAPESTRY_FLOAT64 ? 64 : 32, (long long)s->batch, (long long)s->channels, (long long)s->height,
      (long long)s->width, (long long)s->filters, (long long)s->kernel_height, (long long)s->kernel_width,
      (long long)s->groups, (long long)s->stride_height, (long long)s->stride_width, (long long)s->top,
      (long long)s->left, (long long)s->bottom, (long long)s->right, (long long)s->dilation_height,
      (long long)s->dilation_width, has_scale ? ", scale" : "", has_bias ? ", bias" : "", has_addend ? ", addend" : "",
      relu ? ", relu" : "", (long long)gap);
  int64_t per_group = s->channels / s->groups, filters = s->filters / s->groups,
          area = s->kernel_height * s->kernel_width;
  array x = operand(dtype, s->batch * s->channels * s->height * s->width),
        w = operand(dtype, s->filters * per_group * area);
  array gy = operand(dtype, s->batch * image), scale = operand(dtype, s->filters), bias = operand(dtype, s->filters);
  int64_t written = s->batch * image + (s->batch - 1) * gap;
  array addend = operand(dtype, written), y = result_with(dtype, written);
  array gx = result(dtype, x.count), gw = result(dtype, w.count), gb = result(dtype, s->filters);

  for (int64_t n = 0; n < s->batch; n++)
    for (int64_t f = 0; f < s->filters; f++)
      for (int64_t i = 0; i < s->output_height; i++)
        for (int64_t j = 0; j < s->output_width; j++) {
          int64_t out = ((n * s->filters + f) * s->output_height + i) * s->output_width + j;
          double sum = 0, g = gy.values[out];
          gb.values[f] += g;
          for (int64_t c = 0; c < per_group; c++)
            for (int64_t p = 0; p < s->kernel_height; p++)
              for (int64_t q = 0; q < s->kernel_width; q++) {
                int64_t h = i * s->stride_height - s->top + p * s->dilation_height;
                int64_t v = j * s->stride_width - s->left + q * s->dilation_width;
                if (h < 0 || h >= s->height || v < 0 || v >= s->width) continue;
                int64_t in = ((n * s->channels + f / filters * per_group + c) * s->height + h) * s->width + v;
                int64_t tap = (f * per_group + c) * area + p * s->kernel_width + q;
                sum += x.values[in] * w.values[tap];
                gx.values[in] += g * w.values[tap];
                gw.values[tap] += g * x.values[in];
              }
          int64_t place = n * (image + gap) + out - n * image;
          if (has_scale) sum *= scale.values[f];
          if (has_bias) sum += bias.values[f];
          if (has_addend) sum += addend.values[place];
          y.values[place] = relu && sum < 0 ? 0 : sum;
        }

  tapestry_convolution_epilogue epilogue = {
      .scale = has_scale ? scale.memory : NULL,
      .bias = has_bias ? bias.memory : NULL,
      .addend = has_addend ? addend.memory : NULL,
      .relu = relu,
      .image_stride = gap ? image + gap : 0};
  bool none = !has_scale && !has_bias && !has_addend && !relu && gap == 0 && chance(2);
  tapestry_convolution_forward(dtype, s, x.memory, w.memory, none ? NULL : &epilogue, y.memory);
  check(&y, 8e-6, 1e-13, "forward");
  tapestry_convolution_input_gradient(dtype, s, gy.memory, w.memory, gx.memory);
  check(&gx, 8e-6, 1e-13, "gradient by the input");
  tapestry_convolution_weight_gradient(dtype, s, x.memory, gy.memory, gw.memory);
  check(&gw, 8e-6, 1e-13, "gradient by the weight");
  tapestry_convolution_bias_gradient(dtype, s, gy.memory, gb.memory);
  check(&gb, 2e-5, 1e-13, "gradient by the bias");
}
