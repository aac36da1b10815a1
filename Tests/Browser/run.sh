#!/usr/bin/env bash
# Gets a browser and playwright and runs the test of the page in it; part of the checks before a release.
#
#   Tests/Browser/run.sh [--pictures FOLDER]
#
# The browser is Debian's chromium (apt-get, as root), unless there is one already or BROWSER names one; playwright comes from PyPI
# into an environment of its own in .build/browser, which later runs find there. Playwright's own browser is not needed.
set -euo pipefail
cd "$(dirname "$0")/../.."

find_browser() { command -v "${BROWSER:-chromium}" || command -v chromium-browser || command -v google-chrome || true; }

browser=$(find_browser)
if [[ -z $browser ]]; then
  if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    apt-get update
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends chromium python3-venv
    browser=$(find_browser)
  fi
  if [[ -z $browser ]]; then
    echo "no browser: 'apt-get install chromium python3-venv', or BROWSER=/path/to/chromium $0" >&2
    exit 1
  fi
fi

environment=.build/browser
if ! [[ -x $environment/bin/python ]] || ! "$environment/bin/python" -c 'import playwright' 2>/dev/null; then
  python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet playwright
fi

swift build -c release --product convnet
convnet=$(swift build -c release --show-bin-path)/convnet
run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT

"$convnet" train --model digitnet --epochs 10 --seed 0 --output "$run/digits" --quiet
"$convnet" explain --weights "$run/digits/weights.safetensors" --output "$run/digits.html"
"$environment/bin/python" Tests/Browser/explain.py "$run/digits.html" --browser "$browser" "$@"

"$environment/bin/python" Tests/Interop/shapes.py "$run/shapes"
"$convnet" train --model fourclassnet --data "$run/shapes" --epochs 10 --seed 0 --output "$run/colour" --quiet
"$convnet" explain --data "$run/shapes" --weights "$run/colour/weights.safetensors" --output "$run/colour.html"
"$environment/bin/python" Tests/Browser/explain.py "$run/colour.html" --browser "$browser"
