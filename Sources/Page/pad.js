// The drawing pad and the test pictures.

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
