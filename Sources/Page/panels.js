// The arithmetic of the unit that is chosen, and the answer of the net.

// MARK: Arithmetic

function table(caption, rows, isMarked = () => "") {
  const element = make("table", { className: "numbers" }, make("caption", { textContent: caption }));
  const scale = Math.max(...rows.flat().map((cell) => Math.abs(cell ?? 0)), 1e-12);
  rows.forEach((cells, i) => element.append(make("tr", {}, ...cells.map((cell, j) => {
    const className = cell === null ? "outside" : isMarked(i, j);
    const td = make("td", { textContent: cell === null ? "0" : number(cell, 2), className });
    if (cell !== null) {
      const rgb = shade(cell, scale);
      td.style.background = css(rgb);
      td.style.color = rgb[0] * 0.3 + rgb[1] * 0.6 + rgb[2] * 0.1 > 140 ? "#111" : "#fff";
    }
    return td;
  }))));
  return element;
}

/** What the window of a unit sees of a map; null beyond the border. */
function patch(step, channel, y, x) {
  const value = step.inputs[0], [, height, width] = planes(net.values[value].shape), data = run.values[value];
  const { kernel: [kh, kw], strides: [sy, sx], pads: [top, left], dilations: [dy, dx] } = step;
  return Array.from({ length: kh }, (_, p) => Array.from({ length: kw }, (_, q) => {
    const row = y * sy - top + p * dy, column = x * sx - left + q * dx;
    return row < 0 || row >= height || column < 0 || column >= width ? null : data[(channel * height + row) * width + column];
  }));
}

/** A list of summands, the largest first; choosing one shows its numbers. */
function partList(parts, show) {
  const sorted = [...parts].sort((a, b) => Math.abs(b.sum) - Math.abs(a.sum));
  const scale = Math.max(...sorted.map((part) => Math.abs(part.sum)), 1e-12);
  const list = make("ul", { className: "parts" });
  const limit = 10;
  const add = (part) => {
    const share = 50 * Math.abs(part.sum) / scale;
    const mark = make("i");
    mark.style.cssText = `left:${part.sum < 0 ? 50 - share : 50}%;width:${share}%;background:var(--${part.sum < 0 ? "minus" : "plus"})`;
    const button = make("button", { type: "button" },
      make("span", { textContent: part.name }), make("span", { className: "track" }, mark), make("span", { textContent: number(part.sum) }));
    button.addEventListener("click", () => {
      list.querySelectorAll("button").forEach((other) => other.setAttribute("aria-pressed", other === button));
      if (show) show(part);
    });
    list.append(make("li", {}, button));
    return button;
  };
  const buttons = sorted.slice(0, limit).map(add);
  if (show && buttons.length) { buttons[0].setAttribute("aria-pressed", "true"); show(sorted[0]); }
  if (sorted.length > limit) {
    const more = make("button", { type: "button", textContent: `and ${sorted.length - limit} more` });
    more.addEventListener("click", () => { more.remove(); sorted.slice(limit).forEach(add); });
    return [list, more];
  }
  return [list];
}

const explanations = {
  Conv(step, [c, y, x]) {
    const [channels] = planes(net.values[step.inputs[0]].shape), perGroup = channels / step.group;
    const [filters] = planes(net.values[step.output].shape);
    const first = Math.floor(c / (filters / step.group)) * perGroup, [kh, kw] = step.kernel, weight = weights[step.weight];
    const parts = Array.from({ length: perGroup }, (_, k) => {
      const filter = Array.from({ length: kh }, (_, p) => Array.from({ length: kw }, (_, q) => weight[((c * perGroup + k) * kh + p) * kw + q]));
      const seen = patch(step, first + k, y, x);
      const products = seen.map((row, p) => row.map((pixel, q) => pixel === null ? null : pixel * filter[p][q]));
      return { name: `map ${first + k + 1}`, filter, seen, products, sum: products.flat().reduce((a, b) => a + (b ?? 0), 0) };
    });
    const detail = make("div", { className: "grids" });
    const show = (part) => detail.replaceChildren(
      table(`patch of ${part.name}`, part.seen), make("span", { textContent: "×" }), table("filter", part.filter),
      make("span", { textContent: "=" }), table(`products, sum ${number(part.sum)}`, part.products));
    const total = parts.reduce((sum, part) => sum + part.sum, 0), bias = step.bias === null ? 0 : weights[step.bias][c];
    const nodes = [sumLine(`${number(total)} from ${perGroup === 1 ? "the patch" : `${perGroup} maps`} ${bias < 0 ? "−" : "+"} ${number(Math.abs(bias))} bias`, total + bias)];
    if (perGroup > 1) nodes.push(make("h4", { textContent: "Each map's patch times its filter, summed" }), ...partList(parts, show));
    else show(parts[0]);
    return [...nodes, make("h4", { textContent: "Patch × filter = products" }), detail];
  },
  MaxPool(step, [c, y, x], value) {
    const seen = patch(step, c, y, x);
    let isFound = false;
    const isWinner = (i, j) => !isFound && seen[i][j] === value ? (isFound = true, "winner") : "";
    return [sumLine("the largest of the window", value), make("div", { className: "grids" }, table("window", seen, isWinner))];
  },
  AveragePool(step, [c, y, x], value) {
    const seen = patch(step, c, y, x), sum = seen.flat().reduce((a, b) => a + (b ?? 0), 0);
    const count = divisor(step, net.values[step.inputs[0]].shape, y, x);
    return [sumLine(`${number(sum)} / ${count}, the mean of the window`, value), make("div", { className: "grids" }, table("window", seen))];
  },
  GlobalAveragePool: (step, [c], value) => [sumLine(`the mean of map ${c + 1}`, value)],
  Gemm(step, [c], value) {
    const x = run.values[step.inputs[0]], weight = weights[step.weight], bias = step.bias === null ? 0 : weights[step.bias][c];
    const parts = Array.from(x, (input, i) => ({ name: `unit ${i + 1}`, input, weight: weight[c * x.length + i], sum: input * weight[c * x.length + i] }));
    const detail = make("p", { className: "place" });
    const show = (part) => { detail.textContent = `${part.name}: ${number(part.input)} × weight ${number(part.weight)} = ${number(part.sum)}`; };
    const total = parts.reduce((sum, part) => sum + part.sum, 0);
    return [sumLine(`${number(total)} from ${x.length} units ${bias < 0 ? "−" : "+"} ${number(Math.abs(bias))} bias`, value),
      make("h4", { textContent: "Unit × weight, the largest first" }), ...partList(parts, show), detail];
  },
  Add(step, at, value) {
    const parts = step.inputs.map((input) => number(unitAt(input, at)));
    return [sumLine(parts.join(" + "), value)];
  },
  Pad(step, [c, y, x], value) {
    const [channels, height, width] = planes(net.values[step.inputs[0]].shape);
    const place = [c, y, x].map((at, axis) => at - step.amounts[axis]);
    const isInside = place.every((at, axis) => at >= 0 && at < [channels, height, width][axis]);
    return [sumLine(isInside ? `unit of map ${place[0] + 1}` : "a constant that was added", value)];
  },
  BatchNormalization(step, [c, y, x], value) {
    const [scale, shift, mean, variance] = step.weights.map((index) => weights[index][c]);
    const before = unitAt(step.inputs[0], [c, y, x]);
    return [sumLine(`(${number(before)} − ${number(mean)}) / √${number(variance + step.epsilon)} × ${number(scale)} + ${number(shift)}`, value)];
  },
};
const formulas = {
  Relu: (x) => `max(0, ${x})`, LeakyRelu: (x) => `${x}, less where negative`, Tanh: (x) => `tanh(${x})`,
  Sigmoid: (x) => `1 / (1 + exp(−${x}))`, LRN: (x) => `${x}, divided by a power of its neighbours' squares`,
};

function unitAt(value, [c, y, x]) {
  const [, height, width] = planes(net.values[value].shape);
  return run.values[value][(c * height + y) * width + x];
}
function sumLine(text, result) {
  return make("p", { className: "sum" }, `${text} = `, make("b", { textContent: number(result) }));
}

function explain() {
  const { value, at } = chosen, step = stepOf(value), [c, y, x] = at, [, height, width] = planes(net.values[value].shape);
  const result = unitAt(value, at);
  const isList = height * width === 1;
  const place = isList ? `unit ${c + 1}` : `map ${c + 1}, row ${y + 1}, column ${x + 1}`;
  const isAnswer = value === net.output;
  const nodes = [
    make("h3", { textContent: `${title(value)} · ${number(result)}` }),
    make("p", { className: "place", textContent: place + (isAnswer ? ` (${net.classes[c]})` : "") + (isHeld ? " · held" : "") }),
  ];
  if (!step) nodes.push(make("p", { className: "hint", textContent: `a pixel of the picture, less the mean ${number(net.mean[c])}, divided by the deviation ${number(net.deviation[c])}` }));
  else if (explanations[step.op]) nodes.push(...explanations[step.op](step, at, result));
  else if (formulas[step.op]) nodes.push(sumLine(formulas[step.op](number(unitAt(step.inputs[0], at))), result));
  const readers = net.steps.filter((other) => other.inputs.includes(value));
  if (step && !formulas[step.op] && readers.length === 1 && formulas[readers[0].op]) {
    nodes.splice(3, 0, make("p", { className: "place" }, `then ${names[readers[0].op]}: `),
      sumLine(formulas[readers[0].op](number(result)), unitAt(readers[0].output, at)));
  }
  if (isAnswer) {
    nodes.push(make("h4", { textContent: "Softmax makes it a probability" }),
      sumLine(`e^${number(result)} / the sum over all ${net.classes.length} classes`, run.probabilities[c]));
  }
  find("unit").replaceChildren(...nodes);
}

function compute() {
  run = forward(net, weights, prepare(net, current));
  const order = net.classes.map((_, index) => index).sort((a, b) => run.probabilities[b] - run.probabilities[a]);
  const best = order[0], isBlank = !current.pixels.some((pixel) => pixel > 0);
  find("verdict").replaceChildren(...isBlank ? ["Nothing drawn yet"] : [
    "It looks like ", make("b", { textContent: net.classes[best] }), ` (${(100 * run.probabilities[best]).toFixed(1)} %)`,
    ...current.label === undefined ? [] : [current.label === best ? ", which is right" : `, but it is ${net.classes[current.label]}`],
  ]);
  const listed = net.classes.length > 12 ? order.slice(0, 12) : net.classes.map((_, index) => index);
  find("bars").replaceChildren(...listed.map((index) => {
    const fill = make("i");
    fill.style.width = `${100 * run.probabilities[index]}%`;
    return make("li", { className: index === best && !isBlank ? "best" : "" }, make("span", { textContent: net.classes[index], title: net.classes[index] }),
      make("span", { className: "track" }, fill), make("span", { textContent: run.probabilities[index].toFixed(4) }));
  }));
  drawLayers();
  if (chosen) explain();
}
