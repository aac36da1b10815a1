#!/usr/bin/env bash
# Makes the pictures of the guides: trains the digit net and a deep belief net on the embedded digits (half a minute) and runs
# the commands of the guides. The same on every machine, but for the last digits of some numbers.
#
#   docs/pictures/make.sh [CIFAR-10 FOLDER]
#
# With that folder also the filters learnt from photographs (two minutes). Screenshots are made where Python's playwright is
# installed, see Tests/Browser/explain.py.
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
cp "$run/curves.svg" "$out/curves.svg"
"$convnet" augment --augment crop:3,rotate:12,scale:0.9:1.1,cutout:6 --output "$out/augmentation.png"
"$convnet" confusion --weights "$weights" --output "$out/confusion.svg"
"$convnet" mistakes --weights "$weights" --count 6 --output "$out/mistakes.svg"
"$convnet" saliency --weights "$weights" --index 3 --output "$out/saliency.svg"
"$convnet" dream --weights "$weights" --output "$out/dream.svg"
"$convnet" patches --weights "$weights" --layer pool2 --channels 0,1,2,3 --output "$out/patches.svg"

"$convnet" belief --seed 0 --quiet --output "$run/belief"
for layer in 1 2; do cp "$run/belief/filters-$layer.svg" "$out/belief-digits-$layer.svg"; done
if [[ $# -gt 0 ]]; then
  # The titles name the folder.
  ln -s "$(cd "$1" && pwd)" "$run/photographs"
  "$convnet" belief --data "$run/photographs" --seed 0 --quiet --output "$run/natural"
  for layer in 1 2; do cp "$run/natural/filters-$layer.svg" "$out/belief-natural-$layer.svg"; done
fi

if python3 -c 'import playwright' 2>/dev/null; then
  "$convnet" explain --weights "$weights" --output "$run/explain.html"
  python3 Tests/Browser/explain.py "$run/explain.html" --pictures "$out"
  python3 Tests/Interop/shapes.py "$run/shapes"
  "$convnet" train --model fourclassnet --data "$run/shapes" --epochs 10 --seed 0 --output "$run/colour" --quiet
  "$convnet" explain --data "$run/shapes" --weights "$run/colour/weights.safetensors" --output "$run/colour.html"
  mkdir -p "$run/colour-pictures"
  python3 Tests/Browser/explain.py "$run/colour.html" --pictures "$run/colour-pictures" --name explain-colour
  cp "$run/colour-pictures/explain-colour-dark.png" "$out"
fi
