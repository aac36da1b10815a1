// Runs the net when its picture changes, and begins.

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
