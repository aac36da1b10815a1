// Units under the pointer, by keys, and one after the other.

/** Makes the units of a layer answer to pointer and keys. */
function listen(layer) {
  const { canvas, value } = layer;
  canvas.addEventListener("pointermove", (event) => { if (!isHeld && event.pointerType === "mouse") point(layer, event); });
  canvas.addEventListener("pointerdown", (event) => point(layer, event, true));
  canvas.addEventListener("focus", () => { if (!isHeld && (!chosen || chosen.value !== value)) choose(value, [0, 0, 0]); });
  canvas.addEventListener("keydown", (event) => walk(layer, event));
}

/** The unit under the pointer, or null. */
function unitUnder(layer, event) {
  const bounds = layer.canvas.getBoundingClientRect(), [channels, height, width] = layer.shape;
  const x = (event.clientX - bounds.left) * layer.canvas.width / bounds.width;
  const y = (event.clientY - bounds.top) * layer.canvas.height / bounds.height;
  const c = Math.floor(y / layer.stepY) * layer.columns + Math.floor(x / layer.stepX);
  const unitX = Math.floor((x % layer.stepX - layer.margin) / layer.unit), unitY = Math.floor((y % layer.stepY - layer.margin) / layer.unit);
  return c >= 0 && c < channels && unitX >= 0 && unitX < width && unitY >= 0 && unitY < height ? [c, unitY, unitX] : null;
}

/** Chooses the unit under the pointer; a second press on a held unit lets it go. */
function point(layer, event, holds = false) {
  const at = unitUnder(layer, event);
  if (!at) return;
  if (holds) {
    const isSame = isHeld && chosen && chosen.value === layer.value && String(chosen.at) === String(at);
    isHeld = !isSame;
    stepping.stop();
  }
  choose(layer.value, at);
}

/** Walks from unit to unit by keys. */
function walk(layer, event) {
  const [channels, height, width] = layer.shape;
  let [c, y, x] = chosen && chosen.value === layer.value ? chosen.at : [0, 0, 0];
  const isList = height * width === 1;
  switch (event.key) {
    case "ArrowLeft": if (isList) c--; else x--; break;
    case "ArrowRight": if (isList) c++; else x++; break;
    case "ArrowUp": if (isList) c -= layer.columns; else y--; break;
    case "ArrowDown": if (isList) c += layer.columns; else y++; break;
    case "PageUp": c--; break;
    case "PageDown": c++; break;
    case "Enter": case " ": isHeld = !isHeld; break;
    default: return;
  }
  event.preventDefault();
  const within = (value, size) => Math.min(Math.max(value, 0), size - 1);
  choose(layer.value, [within(c, channels), within(y, height), within(x, width)]);
}

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
