#!/usr/bin/env bash
# Makes what is generated in docs/nets: the drawings, and the tables between the marks of the pages. The text around
# them is written by hand. The same on every machine.
set -euo pipefail
cd "$(dirname "$0")/../.."

swift build -c release --product convnet
convnet=$(swift build -c release --show-bin-path)/convnet
out=docs/nets

for net in lenet5 lenet5-1998 digitnet fourclassnet alexnet alexnet-2012 zfnet vgg16 googlenet googlenet-2014 \
  resnet18 resnet50 resnet20-cifar squeezenet1-1 allconv mlp; do
  "$convnet" graph "$net" --output "$out/$net.svg"
done
# With every view that a click can open, this one would be large.
"$convnet" graph densenet121 --depth 2 --output "$out/densenet121.svg"

TAPESTRY_WRITE_PAGES=1 swift test -c release --filter NetPageTests
