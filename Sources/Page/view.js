"use strict";
// The page: a drawing pad, the layers as pictures, and the arithmetic of the unit pointed at.

(() => {
  const net = JSON.parse(document.getElementById("data").textContent);
  const weights = decodeWeights(net.weightData, net.weights);
  const find = (id) => document.getElementById(id);
  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const number = (value, digits = 3) => (value < 0 ? "−" : "") + Math.abs(value).toFixed(digits);
  const inputShape = net.values[net.input].shape;
  let run = null;
  /** The unit shown: {value, at: [c, y, x]}, and whether a click holds it. */
  let chosen = null, isHeld = false;

  // MARK: Colours

  const theme = { ink: {} };
  function readTheme() {
    const style = getComputedStyle(document.documentElement);
    for (const name of ["zero", "plus", "minus", "accent", "field"]) {
      const text = style.getPropertyValue("--" + name).trim();
      theme[name] = text;
      theme.ink[name] = [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16));
    }
  }
  /** From zero to the colour of its sign; `scale` is the largest magnitude. */
  function shade(value, scale) {
    const share = Math.min(Math.abs(value) / scale, 1), end = value < 0 ? theme.ink.minus : theme.ink.plus;
    return theme.ink.zero.map((from, i) => Math.round(from + (end[i] - from) * share));
  }
  const css = (rgb) => `rgb(${rgb.join(" ")})`;

  // MARK: Layers

  const names = {
    Conv: "convolution", MaxPool: "max pooling", AveragePool: "average pooling", Gemm: "fully connected", Relu: "ReLU",
    LeakyRelu: "leaky ReLU", Tanh: "tanh", Sigmoid: "sigmoid", BatchNormalization: "batch normalisation",
    LRN: "local response normalisation", Add: "sum", Concat: "joined", GlobalAveragePool: "mean of each map",
    Flatten: "as a list", Identity: "the same", Pad: "with constants around",
  };
  const windowed = new Set(["Conv", "MaxPool", "AveragePool"]);
  const stepOf = (value) => net.steps.find((step) => step.output === value);

  /** Which rows and columns the window of a unit covers, beyond the border too. */
  function windowOf({ kernel: [kh, kw], strides: [sy, sx], pads: [top, left], dilations: [dy, dx] }, [, y, x]) {
    const y0 = y * sy - top, x0 = x * sx - left;
    return { y0, y1: y0 + (kh - 1) * dy, x0, x1: x0 + (kw - 1) * dx };
  }

  function title(value) {
    const step = stepOf(value);
    if (!step) return "input";
    return step.layer || names[step.op];
  }
  function subtitle(value) {
    const step = stepOf(value), [c, h, w] = planes(net.values[value].shape);
    const size = h * w === 1 ? `${c} ${c === 1 ? "unit" : "units"}` : `${c} ${c === 1 ? "map" : "maps"} of ${h}×${w}`;
    if (!step) return size;
    let what = names[step.op];
    if (windowed.has(step.op)) {
      what += ` ${step.kernel.join("×")}`;
      if (step.strides[0] > 1) what += `, stride ${step.strides[0]}`;
      if (step.pads.some((pad) => pad > 0)) what += `, padding ${step.pads[0]}`;
    }
    return `${what} · ${size}`;
  }

  /** A picture of one value: its maps side by side, each unit a square. */
  class Layer {
    constructor(value) {
      this.value = value;
      this.shape = planes(net.values[value].shape);
      // Room for the padding that windows reach into.
      this.padding = Math.max(0, ...net.steps.filter((step) => windowed.has(step.op) && step.inputs[0] === value).flatMap((step) => step.pads));
      this.canvas = make("canvas", { tabIndex: 0 });
      this.canvas.setAttribute("role", "application");
      this.canvas.setAttribute("aria-label", `${title(value)}: ${subtitle(value)}. Arrow keys move between units, page up and down between maps.`);
      const heading = make("h3", {}, title(value), make("small", { textContent: subtitle(value) }));
      const step = stepOf(value);
      if (step && windowed.has(step.op)) {
        const play = make("button", { type: "button", textContent: "▶ step through" });
        play.addEventListener("click", () => stepping.toggle(this, play));
        heading.append(play);
      }
      this.element = make("div", { className: "layer" }, heading, this.canvas);
      this.canvas.dataset.value = value;
      this.canvas.addEventListener("pointermove", (event) => { if (!isHeld && event.pointerType === "mouse") this.point(event); });
      this.canvas.addEventListener("pointerdown", (event) => this.point(event, true));
      this.canvas.addEventListener("focus", () => { if (!isHeld && (!chosen || chosen.value !== value)) choose(value, [0, 0, 0]); });
      this.canvas.addEventListener("keydown", (event) => this.key(event));
    }

    /** Chooses how many maps stand in a row and how large a unit is. */
    place() {
      const [channels, height, width] = this.shape;
      const room = Math.max(this.element.clientWidth - 30, 200);
      const isList = height * width === 1;
      this.unit = isList ? 14 : Math.max(2, Math.min(Math.floor(84 / width), 14));
      if (!isList && channels <= 3) this.unit = Math.max(2, Math.min(Math.floor(128 / width), 14));
      this.gap = isList ? 2 : 6;
      this.margin = this.padding * this.unit;
      [this.stepX, this.stepY] = [width, height].map((size) => size * this.unit + 2 * this.margin + this.gap);
      this.columns = Math.max(1, Math.min(channels, Math.floor((room + this.gap) / this.stepX)));
      const rows = Math.ceil(channels / this.columns);
      this.canvas.width = this.columns * this.stepX - this.gap;
      this.canvas.height = rows * this.stepY - this.gap;
      this.painted = null;
    }

    corner(channel) {
      return [
        (channel % this.columns) * this.stepX + this.margin, Math.floor(channel / this.columns) * this.stepY + this.margin,
      ];
    }

    /** Draws the maps, and a field over them. The maps are painted once per result of the net. */
    draw(field) {
      const isFresh = this.painted && this.painted.run === run && this.painted.theme === theme.name;
      if (isFresh && !field && !this.hasField) return;
      if (!isFresh) this.paint();
      const context = this.canvas.getContext("2d");
      context.clearRect(0, 0, this.canvas.width, this.canvas.height);
      context.drawImage(this.painted.canvas, 0, 0);
      this.hasField = Boolean(field);
      if (field) this.outline(context, field);
    }

    paint() {
      const [channels, height, width] = this.shape, data = run.values[this.value], unit = this.unit;
      const canvas = make("canvas", { width: this.canvas.width, height: this.canvas.height }), context = canvas.getContext("2d");
      let scale = 1e-12;
      for (const value of data) scale = Math.max(scale, Math.abs(value));
      for (let c = 0; c < channels; c++) {
        const [left, top] = this.corner(c);
        const picture = context.createImageData(width * unit, height * unit);
        for (let y = 0; y < height * unit; y++) {
          for (let x = 0; x < width * unit; x++) {
            const [r, g, b] = shade(data[(c * height + Math.floor(y / unit)) * width + Math.floor(x / unit)], scale);
            const at = 4 * (y * width * unit + x);
            picture.data[at] = r; picture.data[at + 1] = g; picture.data[at + 2] = b; picture.data[at + 3] = 255;
          }
        }
        context.putImageData(picture, left, top);
      }
      this.painted = { canvas, run, theme: theme.name };
    }

    outline(context, { c0, c1, y0, y1, x0, x1 }) {
      const isUnit = chosen && chosen.value === this.value;
      const reader = chosen && stepOf(chosen.value);
      if (reader && windowed.has(reader.op) && reader.inputs[0] === this.value) {
        ({ y0, y1, x0, x1 } = windowOf(reader, chosen.at));
        if (reader.pads.some((pad) => pad > 0)) for (let c = c0; c <= c1; c++) this.outlinePadding(context, c, reader.pads);
      }
      context.strokeStyle = isUnit ? theme.accent : theme.field;
      context.fillStyle = context.strokeStyle;
      context.lineWidth = 2;
      for (let c = c0; c <= c1; c++) {
        const [left, top] = this.corner(c);
        const box = [left + x0 * this.unit, top + y0 * this.unit, (x1 - x0 + 1) * this.unit, (y1 - y0 + 1) * this.unit];
        context.globalAlpha = isUnit ? 1 : 0.16;
        if (!isUnit) context.fillRect(...box);
        context.globalAlpha = 1;
        context.strokeRect(box[0] + 0.5, box[1] + 0.5, Math.max(box[2] - 1, 2), Math.max(box[3] - 1, 2));
      }
    }

    /** Dashes around a map with the zeros that a window finds beyond its border. */
    outlinePadding(context, c, [top, left, bottom, right]) {
      const [, height, width] = this.shape, [x, y] = this.corner(c), unit = this.unit;
      context.save();
      context.strokeStyle = theme.field;
      context.setLineDash([3, 3]);
      context.lineWidth = 1;
      context.strokeRect(x - left * unit + 0.5, y - top * unit + 0.5, (width + left + right) * unit - 1, (height + top + bottom) * unit - 1);
      context.restore();
    }

    /** The unit under the pointer, or null. */
    hit(event) {
      const bounds = this.canvas.getBoundingClientRect(), [channels, height, width] = this.shape;
      const x = (event.clientX - bounds.left) * this.canvas.width / bounds.width;
      const y = (event.clientY - bounds.top) * this.canvas.height / bounds.height;
      const c = Math.floor(y / this.stepY) * this.columns + Math.floor(x / this.stepX);
      const unitX = Math.floor((x % this.stepX - this.margin) / this.unit), unitY = Math.floor((y % this.stepY - this.margin) / this.unit);
      return c >= 0 && c < channels && unitX >= 0 && unitX < width && unitY >= 0 && unitY < height ? [c, unitY, unitX] : null;
    }

    point(event, holds = false) {
      const at = this.hit(event);
      if (!at) return;
      if (holds) {
        const isSame = isHeld && chosen && chosen.value === this.value && String(chosen.at) === String(at);
        isHeld = !isSame;
        stepping.stop();
      }
      choose(this.value, at);
    }

    key(event) {
      const [channels, height, width] = this.shape;
      let [c, y, x] = chosen && chosen.value === this.value ? chosen.at : [0, 0, 0];
      const isList = height * width === 1;
      switch (event.key) {
        case "ArrowLeft": if (isList) c--; else x--; break;
        case "ArrowRight": if (isList) c++; else x++; break;
        case "ArrowUp": if (isList) c -= this.columns; else y--; break;
        case "ArrowDown": if (isList) c += this.columns; else y++; break;
        case "PageUp": c--; break;
        case "PageDown": c++; break;
        case "Enter": case " ": isHeld = !isHeld; break;
        default: return;
      }
      event.preventDefault();
      const within = (value, size) => Math.min(Math.max(value, 0), size - 1);
      choose(this.value, [within(c, channels), within(y, height), within(x, width)]);
    }
  }

  // What only renames the values before it needs no picture of its own.
  const shown = [net.input, ...net.steps.filter((step) => step.op !== "Flatten" && step.op !== "Identity").map((step) => step.output)];
  const layers = shown.map((value) => new Layer(value));
  find("layers").append(...layers.map((layer) => layer.element));

  function choose(value, at) {
    chosen = { value, at };
    drawLayers();
    explain();
  }
  function release() {
    chosen = null;
    isHeld = false;
    stepping.stop();
    drawLayers();
    find("unit").replaceChildren(make("p", { className: "hint", textContent: "Point at a unit of the net to see how its number is made." }));
  }

  let isDrawing = false;
  function drawLayers() {
    if (isDrawing) return;
    isDrawing = true;
    requestAnimationFrame(() => {
      isDrawing = false;
      const fields = chosen ? receptiveFields(net, chosen.value, chosen.at) : [];
      for (const layer of layers) layer.draw(fields[layer.value]);
    });
  }

  // MARK: Stepping through

  const stepping = {
    timer: null,
    button: null,
    toggle(layer, button) {
      const isThis = this.button === button;
      this.stop();
      if (isThis) return;
      this.button = button;
      button.textContent = "■ stop";
      isHeld = true;
      const [, height, width] = layer.shape;
      const map = chosen && chosen.value === layer.value ? chosen.at[0] : 0;
      let place = 0;
      const advance = () => {
        choose(layer.value, [map, Math.floor(place / width), place % width]);
        place = (place + 1) % (height * width);
      };
      advance();
      this.timer = setInterval(advance, 450);
    },
    stop() {
      clearInterval(this.timer);
      if (this.button) this.button.textContent = "▶ step through";
      this.timer = this.button = null;
    },
  };

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

  // MARK: The picture

  const source = { width: net.source.width, height: net.source.height, channels: inputShape[0], maximum: net.source.maximum };
  const pad = find("pad"), padContext = pad.getContext("2d", { willReadFrequently: true });
  const inks = ["#ffffff", "#ef4444", "#f59e0b", "#22c55e", "#3b82f6", "#8b5cf6", "#000000"];
  let ink = inks[0], pen = null, isDrawn = false;

  if (source.channels === 3) {
    find("inks").hidden = false;
    for (const color of inks) {
      const button = make("button", { type: "button", title: color });
      button.style.background = color;
      button.setAttribute("aria-pressed", color === ink);
      button.addEventListener("click", () => {
        ink = color;
        for (const other of find("inks").children) other.setAttribute("aria-pressed", other === button);
      });
      find("inks").append(button);
    }
  }

  function clearPad() {
    padContext.fillStyle = "#000";
    padContext.fillRect(0, 0, pad.width, pad.height);
    isDrawn = false;
  }
  function stroke(from, to) {
    padContext.strokeStyle = ink;
    padContext.lineWidth = pad.width / 11;
    padContext.lineCap = padContext.lineJoin = "round";
    padContext.beginPath();
    padContext.moveTo(...from);
    padContext.lineTo(to[0] + 0.01, to[1]);
    padContext.stroke();
    if (!isDrawn) unmarkSamples();
    isDrawn = true;
    schedule();
  }
  const padPlace = (event) => {
    const bounds = pad.getBoundingClientRect();
    return [(event.clientX - bounds.left) * pad.width / bounds.width, (event.clientY - bounds.top) * pad.height / bounds.height];
  };
  pad.addEventListener("pointerdown", (event) => {
    if (!isDrawn) clearPad();
    pad.setPointerCapture(event.pointerId);
    pen = padPlace(event);
    stroke(pen, pen);
  });
  pad.addEventListener("pointermove", (event) => {
    if (!pen) return;
    for (const each of event.getCoalescedEvents?.() ?? [event]) {
      const to = padPlace(each);
      stroke(pen, to);
      pen = to;
    }
  });
  for (const name of ["pointerup", "pointercancel"]) pad.addEventListener(name, () => { pen = null; });

  // The pen by keyboard: arrows move it, space lowers and raises it.
  const keyPen = { at: [pad.width / 2, pad.height / 2], isDown: false };
  pad.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key === " ") {
      event.preventDefault();
      keyPen.isDown = !keyPen.isDown;
      if (keyPen.isDown) { if (!isDrawn) clearPad(); stroke(keyPen.at, keyPen.at); }
    } else if (moves[event.key]) {
      event.preventDefault();
      const from = keyPen.at;
      keyPen.at = from.map((place, axis) => Math.min(Math.max(place + moves[event.key][axis] * 12, 0), pad.width));
      if (keyPen.isDown) stroke(from, keyPen.at);
    }
  });

  /** The drawing as a picture of the training set's size: cropped and sized as those are, then averaged over areas. */
  function drawnPicture() {
    const { width, height, channels, maximum } = source;
    const image = padContext.getImageData(0, 0, pad.width, pad.height).data;
    let [left, top, right, bottom] = [pad.width, pad.height, -1, -1];
    for (let y = 0; y < pad.height; y++) {
      for (let x = 0; x < pad.width; x++) {
        const at = 4 * (y * pad.width + x);
        if (image[at] + image[at + 1] + image[at + 2] > 96) {
          left = Math.min(left, x); right = Math.max(right, x); top = Math.min(top, y); bottom = Math.max(bottom, y);
        }
      }
    }
    let scale = pad.width / Math.max(width, height), originX = 0, originY = 0;
    if (find("fit").checked && right >= 0) {
      const side = Math.max(right - left, bottom - top) + 1;
      scale = side / (net.source.extent * Math.max(width, height));
      originX = (left + right + 1) / 2 - width * scale / 2;
      originY = (top + bottom + 1) / 2 - height * scale / 2;
    }
    const pixels = new Float64Array(channels * height * width), samples = 6;
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < height; i++) {
        for (let j = 0; j < width; j++) {
          let sum = 0;
          for (let p = 0; p < samples; p++) {
            for (let q = 0; q < samples; q++) {
              const y = Math.floor(originY + (i + (p + 0.5) / samples) * scale), x = Math.floor(originX + (j + (q + 0.5) / samples) * scale);
              if (x >= 0 && x < pad.width && y >= 0 && y < pad.height) sum += image[4 * (y * pad.width + x) + c];
            }
          }
          pixels[(c * height + i) * width + j] = Math.round(sum / (samples * samples) / 255 * maximum);
        }
      }
    }
    return { width, height, channels, maximum, pixels };
  }

  function showOnPad(picture) {
    const small = make("canvas", { width: picture.width, height: picture.height });
    paint(small, picture);
    padContext.imageSmoothingEnabled = false;
    padContext.drawImage(small, 0, 0, pad.width, pad.height);
    isDrawn = false;
  }
  function paint(canvas, { width, height, channels, maximum, pixels }) {
    const context = canvas.getContext("2d"), image = context.createImageData(width, height);
    for (let i = 0; i < width * height; i++) {
      for (let c = 0; c < 3; c++) image.data[4 * i + c] = pixels[(channels === 3 ? c : 0) * width * height + i] / maximum * 255;
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }

  const samples = net.samples.map((sample) => ({
    ...source, ...sample, pixels: Float64Array.from(atob(sample.pixels), (character) => character.charCodeAt(0)),
  }));
  let current = null;
  function unmarkSamples() { for (const button of find("samples").children) button.setAttribute("aria-pressed", false); }
  samples.forEach((sample) => {
    const canvas = make("canvas", { width: sample.width, height: sample.height });
    paint(canvas, sample);
    const button = make("button", { type: "button", title: `a test picture of ${net.classes[sample.label]}` }, canvas);
    button.setAttribute("aria-label", button.title);
    button.setAttribute("aria-pressed", false);
    button.addEventListener("click", () => {
      unmarkSamples();
      button.setAttribute("aria-pressed", true);
      showOnPad(sample);
      current = sample;
      compute();
    });
    find("samples").append(button);
  });

  // MARK: Running

  let isScheduled = false;
  function schedule() {
    if (isScheduled) return;
    isScheduled = true;
    requestAnimationFrame(() => {
      isScheduled = false;
      current = drawnPicture();
      compute();
    });
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

  // MARK: Page

  find("subtitle").textContent = net.subtitle;
  find("clear").addEventListener("click", () => { clearPad(); unmarkSamples(); schedule(); });
  find("fit").addEventListener("change", () => { if (isDrawn) schedule(); });
  find("fold").addEventListener("click", () => {
    const isFolded = find("inspector").classList.toggle("folded");
    find("fold").setAttribute("aria-expanded", !isFolded);
    find("fold").textContent = isFolded ? "▴" : "▾";
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") release(); });
  const dark = matchMedia("(prefers-color-scheme: dark)");
  function setTheme(name) {
    document.documentElement.dataset.theme = name;
    theme.name = name;
    readTheme();
    if (run) { drawLayers(); if (chosen) explain(); }
  }
  find("theme").addEventListener("click", () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
  dark.addEventListener("change", () => setTheme(dark.matches ? "dark" : "light"));
  function layOut() {
    for (const layer of layers) layer.place();
    drawLayers();
  }
  addEventListener("resize", () => { if (run) layOut(); });

  setTheme(dark.matches ? "dark" : "light");
  clearPad();
  for (const layer of layers) layer.place();
  if (samples.length) find("samples").firstChild.click();
  else { current = drawnPicture(); compute(); }
  // For scripts that test the page: the last result of the net.
  window.tapestry = { net, get run() { return run; }, probabilities: (sample) => forward(net, weights, prepare(net, samples[sample])).probabilities };
})();
