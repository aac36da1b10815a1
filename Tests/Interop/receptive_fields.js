// Compares the receptive fields of the page with what units depend on, found by changing one unit after the other.
//
//   node Tests/Interop/receptive_fields.js
//
// One step a net, with grouped, dilated, strided and padded windows: the field of each unit of the result must be the
// smallest box around the units that change it.
"use strict";
const path = require("path");
const { forward, planes, receptiveFields } = require(path.join(__dirname, "..", "..", "Sources", "Page", "engine.js"));

let state = 1;
const random = () => ((state = (state * 48271) % 2147483647) / 2147483647) + 0.1;
const randoms = (count) => Float64Array.from({ length: count }, random);
const size = (shape) => shape.reduce((a, b) => a * b, 1);
const window = (kernel, strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1]) => ({ kernel, strides, pads, dilations });

const cases = [];
function add(name, input, output, step, weights = []) {
  cases.push({ name, net: { input: 0, output: 1, values: [{ shape: input }, { shape: output }], steps: [{ inputs: [0], output: 1, ...step }] }, weights });
}
function convolution(name, [channels, height, width], filters, group, { kernel, strides, pads, dilations }) {
  const side = (length, axis) => Math.floor((length + pads[axis] + pads[axis + 2] - dilations[axis] * (kernel[axis] - 1) - 1) / strides[axis]) + 1;
  const weight = randoms(filters * channels / group * kernel[0] * kernel[1]);
  add(name, [channels, height, width], [filters, side(height, 0), side(width, 1)],
    { op: "Conv", kernel, strides, pads, dilations, group, weight: 0, bias: null }, [weight]);
}
convolution("convolution", [2, 5, 6], 3, 1, window([3, 3], [1, 1], [1, 1, 1, 1]));
convolution("convolution with stride and dilation", [1, 9, 8], 2, 1, window([2, 3], [2, 1], [1, 0, 0, 2], [2, 1]));
convolution("convolution in two groups", [4, 5, 5], 6, 2, window([3, 3]));
convolution("depthwise convolution", [3, 4, 4], 3, 3, window([3, 3], [1, 1], [1, 1, 1, 1]));
convolution("depthwise convolution with two filters a map", [3, 4, 4], 6, 3, window([1, 1]));
add("mean of windows", [2, 4, 4], [2, 2, 2], { op: "AveragePool", countsPadding: false, ...window([2, 2], [2, 2]) });
add("means of maps", [3, 3, 2], [3, 1, 1], { op: "GlobalAveragePool" });
add("fully connected", [6], [4], { op: "Gemm", weight: 0, bias: null }, [randoms(24)]);
add("list", [2, 3, 2], [12], { op: "Flatten" });
add("neighbouring maps", [7, 1, 2], [7, 1, 2], { op: "LRN", size: 3, alpha: 1, beta: 0.75, bias: 1 });
add("constants around", [2, 3, 3], [4, 5, 4], { op: "Pad", amounts: [1, 1, 0], value: 0 });

let failed = 0;
for (const { name, net, weights } of cases) {
  const [, height, width] = planes(net.values[0].shape), input = randoms(size(net.values[0].shape));
  const before = forward(net, weights, input).values[1], boxes = Array.from(before, () => null);
  input.forEach((_, i) => {
    const c = Math.floor(i / (height * width)), y = Math.floor(i / width) % height, x = i % width;
    const changed = input.slice();
    changed[i] += 1;
    forward(net, weights, changed).values[1].forEach((value, o) => {
      if (value === before[o]) return;
      const box = boxes[o] ?? { c0: c, c1: c, y0: y, y1: y, x0: x, x1: x };
      boxes[o] = {
        c0: Math.min(box.c0, c), c1: Math.max(box.c1, c), y0: Math.min(box.y0, y), y1: Math.max(box.y1, y),
        x0: Math.min(box.x0, x), x1: Math.max(box.x1, x),
      };
    });
  });
  const [, outHeight, outWidth] = planes(net.values[1].shape);
  const wrong = boxes.flatMap((box, o) => {
    const at = [Math.floor(o / (outHeight * outWidth)), Math.floor(o / outWidth) % outHeight, o % outWidth];
    const field = receptiveFields(net, 1, at)[0];
    const text = (b) => b && [b.c0, b.c1, b.y0, b.y1, b.x0, b.x1].join(" ");
    return text(field) === text(box) ? [] : [`unit ${at}: field ${text(field)}, depends on ${text(box)}`];
  });
  failed += wrong.length > 0;
  console.log(wrong.length ? `FAILED ${name}: ${wrong[0]}` : `ok     ${name}`);
}
console.log(`${cases.length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
