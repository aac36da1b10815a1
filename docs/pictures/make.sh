#!/usr/bin/env bash
# Makes the pictures of docs/seeing.md and docs/how-convnets-work.md: trains the digit net on the embedded digits (a few
# seconds) and runs the commands of the guides. The same on every machine, but for the last digits of some numbers.
set -euo pipefail
cd "$(dirname "$0")/../.."

swift build -c release --product convnet
convnet=$(swift build -c release --show-bin-path)/convnet
run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT
weights=$run/weights.safetensors
out=docs/pictures

"$convnet" train --model digitnet --epochs 10 --seed 0 --output "$run" --quiet

"$convnet" graph digitnet --output "$out/digitnet.svg"
"$convnet" filters --weights "$weights" --output "$out/filters.svg"
"$convnet" filters --weights "$weights" --histograms --output "$out/histograms.svg"
"$convnet" maps --weights "$weights" --index 3 --output "$out/maps.png"
"$convnet" maps --weights "$weights" --index 3 --layers conv1,pool1 --output "$out/pooling.png"
"$convnet" confusion --weights "$weights" --output "$out/confusion.svg"
"$convnet" mistakes --weights "$weights" --count 6 --output "$out/mistakes.svg"
"$convnet" saliency --weights "$weights" --index 3 --output "$out/saliency.svg"
"$convnet" dream --weights "$weights" --output "$out/dream.svg"
"$convnet" patches --weights "$weights" --layer pool2 --channels 0,1,2,3 --output "$out/patches.svg"
