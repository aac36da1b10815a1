// The layers as pictures.

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
    listen(this);
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
}

// What only renames the values before it needs no picture of its own.
const shown = [net.input, ...net.steps.filter((step) => step.op !== "Flatten" && step.op !== "Identity").map((step) => step.output)];
const layers = shown.map((value) => new Layer(value));
find("layers").append(...layers.map((layer) => layer.element));

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
