"use strict";
// The net's forward pass. A net is {values: [{shape: [C, H, W] or [F]}], steps: [{op, inputs, output, ...}]};
// ops carry ONNX's names and attributes. Values are Float64Arrays of one image, [C][H][W] in order.

/** The weights of a net: little-endian float32 in base64, cut into named arrays. */
function decodeWeights(base64, table) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return table.map(({ offset, count }) => {
    const values = new Float32Array(count);
    for (let i = 0; i < count; i++) values[i] = view.getFloat32(4 * (offset + i), true);
    return values;
  });
}

/** [C, H, W] of any shape: features are channels of one pixel. */
function planes(shape) {
  return shape.length === 3 ? shape : [shape.reduce((a, b) => a * b, 1), 1, 1];
}

const kernels = {
  Conv(step, [x], [shape], outShape, weights) {
    const [channels, height, width] = planes(shape);
    const [filters, outHeight, outWidth] = planes(outShape);
    const { kernel: [kh, kw], strides: [sy, sx], pads: [top, left], dilations: [dy, dx], group } = step;
    const weight = weights[step.weight], bias = step.bias === null ? null : weights[step.bias];
    const perGroup = channels / group, filtersPerGroup = filters / group;
    const y = new Float64Array(filters * outHeight * outWidth);
    for (let o = 0; o < filters; o++) {
      const plane = y.subarray(o * outHeight * outWidth, (o + 1) * outHeight * outWidth);
      if (bias) plane.fill(bias[o]);
      const first = Math.floor(o / filtersPerGroup) * perGroup;
      for (let c = 0; c < perGroup; c++) {
        const image = (first + c) * height * width;
        for (let p = 0; p < kh; p++) {
          for (let q = 0; q < kw; q++) {
            const factor = weight[((o * perGroup + c) * kh + p) * kw + q];
            for (let i = 0; i < outHeight; i++) {
              const row = i * sy - top + p * dy;
              if (row < 0 || row >= height) continue;
              for (let j = 0; j < outWidth; j++) {
                const column = j * sx - left + q * dx;
                if (column >= 0 && column < width) {
                  plane[i * outWidth + j] += factor * x[image + row * width + column];
                }
              }
            }
          }
        }
      }
    }
    return y;
  },

  MaxPool(step, [x], [shape], outShape) {
    return pool(step, x, shape, outShape, (sum, value) => Math.max(sum, value), -Infinity);
  },

  AveragePool(step, [x], [shape], outShape) {
    const sums = pool(step, x, shape, outShape, (sum, value) => sum + value, 0);
    const [channels, height, width] = planes(outShape);
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++) {
        const count = divisor(step, shape, i, j);
        for (let c = 0; c < channels; c++) sums[(c * height + i) * width + j] /= count;
      }
    }
    return sums;
  },

  GlobalAveragePool(step, [x], [shape]) {
    const [channels, height, width] = planes(shape), size = height * width;
    return Float64Array.from({ length: channels }, (_, c) => {
      let sum = 0;
      for (let i = 0; i < size; i++) sum += x[c * size + i];
      return sum / size;
    });
  },

  Gemm(step, [x], shapes, outShape, weights) {
    const weight = weights[step.weight], bias = step.bias === null ? null : weights[step.bias];
    const y = new Float64Array(planes(outShape)[0]);
    for (let o = 0; o < y.length; o++) {
      let sum = bias ? bias[o] : 0;
      for (let i = 0; i < x.length; i++) sum += weight[o * x.length + i] * x[i];
      y[o] = sum;
    }
    return y;
  },

  BatchNormalization(step, [x], [shape], outShape, weights) {
    const [scale, shift, mean, variance] = step.weights.map((index) => weights[index]);
    const size = x.length / planes(shape)[0];
    return x.map((value, i) => {
      const c = Math.floor(i / size);
      return (value - mean[c]) / Math.sqrt(variance[c] + step.epsilon) * scale[c] + shift[c];
    });
  },

  LRN(step, [x], [shape]) {
    const [channels, height, width] = planes(shape), size = height * width;
    const before = Math.floor((step.size - 1) / 2), after = Math.ceil((step.size - 1) / 2);
    return x.map((value, i) => {
      const c = Math.floor(i / size);
      let sum = 0;
      for (let k = Math.max(c - before, 0); k <= Math.min(c + after, channels - 1); k++) {
        sum += x[k * size + i % size] ** 2;
      }
      return value / (step.bias + step.alpha / step.size * sum) ** step.beta;
    });
  },

  Pad(step, [x], [shape], outShape) {
    const [channels, height, width] = planes(shape), [outChannels, outHeight, outWidth] = planes(outShape);
    const [front, top, left] = step.amounts;
    const y = new Float64Array(outChannels * outHeight * outWidth).fill(step.value);
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < height; i++) {
        const from = (c * height + i) * width;
        y.set(x.subarray(from, from + width), ((c + front) * outHeight + i + top) * outWidth + left);
      }
    }
    return y;
  },

  Relu: (step, [x]) => x.map((value) => Math.max(value, 0)),
  LeakyRelu: (step, [x]) => x.map((value) => value > 0 ? value : step.alpha * value),
  Tanh: (step, [x]) => x.map(Math.tanh),
  Sigmoid: (step, [x]) => x.map((value) => 1 / (1 + Math.exp(-value))),
  Add: (step, [a, b]) => a.map((value, i) => value + b[i]),
  Flatten: (step, [x]) => x,
  Identity: (step, [x]) => x,
  Concat(step, xs) {
    const y = new Float64Array(xs.reduce((sum, x) => sum + x.length, 0));
    let place = 0;
    for (const x of xs) { y.set(x, place); place += x.length; }
    return y;
  },
};

/** The pixels that a window sees: calls body(row, column) for those inside the image. */
function forWindow(step, [, height, width], i, j, body) {
  const { kernel: [kh, kw], strides: [sy, sx], pads: [top, left], dilations: [dy, dx] } = step;
  for (let p = 0; p < kh; p++) {
    const row = i * sy - top + p * dy;
    if (row < 0 || row >= height) continue;
    for (let q = 0; q < kw; q++) {
      const column = j * sx - left + q * dx;
      if (column >= 0 && column < width) body(row, column);
    }
  }
}

function pool(step, x, shape, outShape, combine, start) {
  const [channels, height, width] = planes(shape), [, outHeight, outWidth] = planes(outShape);
  const y = new Float64Array(channels * outHeight * outWidth).fill(start);
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < outHeight; i++) {
      for (let j = 0; j < outWidth; j++) {
        const at = (c * outHeight + i) * outWidth + j;
        forWindow(step, planes(shape), i, j, (row, column) => {
          y[at] = combine(y[at], x[(c * height + row) * width + column]);
        });
      }
    }
  }
  return y;
}

/** By what the sum of an average pool's window is divided: padding counts where the op says so. */
function divisor(step, shape, i, j) {
  if (step.countsPadding) return step.kernel[0] * step.kernel[1];
  let count = 0;
  forWindow(step, planes(shape), i, j, () => count++);
  return count;
}

/** All values of the net for an input, and the probabilities of the classes. */
function forward(net, weights, input) {
  const values = net.values.map(() => null);
  values[net.input] = input;
  for (const step of net.steps) {
    values[step.output] = kernels[step.op](
      step, step.inputs.map((index) => values[index]),
      step.inputs.map((index) => net.values[index].shape), net.values[step.output].shape, weights);
  }
  return { values, probabilities: softmax(values[net.output]) };
}

function softmax(logits) {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, (value) => Math.exp(value - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((value) => value / sum);
}

/**
 * What the net sees of a picture {channels, height, width, maximum, pixels}: enlarged by the largest whole factor
 * that fits, centred on black, values in 0 ... 1, then normalised.
 */
function prepare(net, picture) {
  const [channels, height, width] = net.values[net.input].shape;
  const factor = Math.min(Math.floor(height / picture.height), Math.floor(width / picture.width));
  const top = Math.floor((height - picture.height * factor) / 2);
  const left = Math.floor((width - picture.width * factor) / 2);
  const input = new Float64Array(channels * height * width);
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++) {
        const row = Math.floor((i - top) / factor), column = Math.floor((j - left) / factor);
        const isInside = row >= 0 && row < picture.height && column >= 0 && column < picture.width;
        const value = isInside
          ? picture.pixels[(c * picture.height + row) * picture.width + column] / picture.maximum : 0;
        input[(c * height + i) * width + j] = (value - net.mean[c]) / net.deviation[c];
      }
    }
  }
  return input;
}

/** Units of one value: channels and a rectangle of them; null is none. */
function union(a, b) {
  if (!a || !b) return a || b;
  const lows = ["c0", "y0", "x0"], highs = ["c1", "y1", "x1"], result = {};
  for (const key of lows) result[key] = Math.min(a[key], b[key]);
  for (const key of highs) result[key] = Math.max(a[key], b[key]);
  return result;
}

/** The units of every earlier value on which a unit of a step's result depends: its receptive fields, by value. */
function receptiveFields(net, value, [c, y, x]) {
  const fields = net.values.map(() => null);
  fields[value] = { c0: c, c1: c, y0: y, y1: y, x0: x, x1: x };
  for (const step of [...net.steps].reverse()) {
    const field = fields[step.output];
    if (!field) continue;
    let offset = 0;
    for (const input of step.inputs) {
      const [channels, height, width] = planes(net.values[input].shape);
      fields[input] = union(fields[input], fieldBelow(step, field, channels, height, width, offset, net));
      offset += channels;
    }
  }
  return fields;
}

/** The first and the last place along an axis that the windows of the results `from` to `to` read; none: [size, -1]. */
function reach(from, to, stride, padding, count, dilation, size) {
  let [first, last] = [size, -1];
  for (let result = from; result <= to; result++) {
    for (let tap = 0; tap < count; tap++) {
      const place = result * stride - padding + tap * dilation;
      if (place >= 0 && place < size) [first, last] = [Math.min(first, place), Math.max(last, place)];
    }
  }
  return [first, last];
}

function fieldBelow(step, field, channels, height, width, offset, net) {
  const all = { c0: 0, c1: channels - 1, y0: 0, y1: height - 1, x0: 0, x1: width - 1 };
  const clip = (value, size) => Math.min(Math.max(value, 0), size - 1);
  switch (step.op) {
    case "Conv": case "MaxPool": case "AveragePool": {
      const { kernel: [kh, kw], strides: [sy, sx], pads: [top, left], dilations: [dy, dx] } = step;
      let { c0, c1 } = field;
      if (step.op === "Conv") {
        // A filter reads the maps of its group.
        const perGroup = channels / step.group, filtersPerGroup = planes(net.values[step.output].shape)[0] / step.group;
        c0 = Math.floor(c0 / filtersPerGroup) * perGroup;
        c1 = Math.floor(c1 / filtersPerGroup) * perGroup + perGroup - 1;
      }
      const [y0, y1] = reach(field.y0, field.y1, sy, top, kh, dy, height);
      const [x0, x1] = reach(field.x0, field.x1, sx, left, kw, dx, width);
      return y0 > y1 || x0 > x1 ? null : { c0, c1, y0, y1, x0, x1 };
    }
    case "Gemm": return all;
    case "GlobalAveragePool": return { ...all, c0: field.c0, c1: field.c1 };
    case "LRN": {
      const reach = Math.ceil((step.size - 1) / 2);
      return { ...field, c0: clip(field.c0 - reach, channels), c1: clip(field.c1 + reach, channels) };
    }
    case "Flatten": {
      if (height * width === 1) return { ...field };
      if (field.c0 !== field.c1) return all;
      const inner = height * width, place = field.c0 % inner;
      const c = Math.floor(field.c0 / inner), y = Math.floor(place / width), x = place % width;
      return { c0: c, c1: c, y0: y, y1: y, x0: x, x1: x };
    }
    case "Concat": {
      const c0 = Math.max(field.c0 - offset, 0), c1 = Math.min(field.c1 - offset, channels - 1);
      return c0 > c1 ? null : { ...field, c0, c1 };
    }
    case "Pad": {
      const [front, top, left] = step.amounts;
      const inside = {
        c0: Math.max(field.c0 - front, 0), c1: Math.min(field.c1 - front, channels - 1),
        y0: Math.max(field.y0 - top, 0), y1: Math.min(field.y1 - top, height - 1),
        x0: Math.max(field.x0 - left, 0), x1: Math.min(field.x1 - left, width - 1),
      };
      return inside.c0 > inside.c1 || inside.y0 > inside.y1 || inside.x0 > inside.x1 ? null : inside;
    }
    default: return { ...field };
  }
}

if (typeof module !== "undefined") module.exports = { decodeWeights, forward, prepare, receptiveFields, planes, softmax };
