"""Compares what the page of `convnet explain` computes with `convnet classify --json`, on 100 test pictures.

    python3 Tests/Interop/explain_forward.py .build/release/convnet

Trains nets on the embedded digits, and nets for colours on shapes.py's pictures, runs the page's own script in Node.js (node must
be installed) and asks for the largest difference of a probability, at most 1e-4.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

from shapes import write_shapes

program = os.path.abspath(sys.argv[1])
engine = os.path.join(os.path.dirname(__file__), "..", "..", "Sources", "Page", "engine.js")
script = """
const fs = require("fs");
const { decodeWeights, forward, prepare } = require(process.argv[1]);
const net = JSON.parse(fs.readFileSync(process.argv[2]));
const weights = decodeWeights(net.weightData, net.weights);
const source = { ...net.source, channels: net.values[net.input].shape[0] };
const results = net.samples.map(({ pixels }) =>
  forward(net, weights, prepare(net, { ...source, pixels: Buffer.from(pixels, "base64") })).probabilities);
console.log(JSON.stringify(results));
"""

passed = failed = 0
nets = [(model, False) for model in ["lenet5", "digitnet", "fourclassnet"]]
nets += [(model, True) for model in ["fourclassnet", "resnet20-cifar", "allconv"]]
for model, is_colour in nets:
    with tempfile.TemporaryDirectory() as folder:
        run = lambda *words: subprocess.run([program, *words], check=True, capture_output=True, text=True, cwd=folder).stdout
        if is_colour:
            write_shapes(os.path.join(folder, "shapes"))
        data = ["--data", "shapes"] if is_colour else []
        epochs = "1" if model == "allconv" else "3"
        run("train", "--model", model, "--epochs", epochs, "--quiet", "--output", "run", *data)
        weights = os.path.join("run", "weights.safetensors")
        run("explain", "--weights", weights, "--samples", "100", "--output", "page.html", *data)
        page = open(os.path.join(folder, "page.html"), encoding="utf-8").read()
        text = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S).group(1)
        path = os.path.join(folder, "net.json")
        open(path, "w", encoding="utf-8").write(text)
        samples = json.loads(text)["samples"]
        results = json.loads(subprocess.run(["node", "-e", script, os.path.abspath(engine), path], check=True, capture_output=True, text=True).stdout)
        worst = 0
        for sample, probabilities in zip(samples, results):
            answer = json.loads(run("classify", "--weights", weights, "--index", str(sample["index"]), "--json", *data))
            for entry in answer["classes"]:
                worst = max(worst, abs(entry["probability"] - probabilities[entry["label"]]))
        is_good = len(results) == 100 and worst <= 1e-4
        passed, failed = passed + is_good, failed + (not is_good)
        print("ok    " if is_good else "FAILED", f"{model} on {'shapes' if is_colour else 'digits'}: {len(results)} pictures, {len(page) / 1e6:.1f} MB, largest difference {worst:.2g}")
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
