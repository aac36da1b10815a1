#!/usr/bin/env bash
# Builds the reference of every module with the toolchain's DocC, into .build/docc, and fails when a link leads nowhere, a
# topic is not there, or a documented parameter does not exist. What is not said is allowed: `file` and `line` are
# everywhere and documented nowhere.
#
#   docs/build-docc.sh
#   docc preview .build/docc/TapestryGraph.doccarchive
set -euo pipefail
cd "$(dirname "$0")/.."

if command -v xcrun >/dev/null; then
  run() { xcrun "$@"; }
  sdk=(-sdk "$(xcrun --show-sdk-path)")
else
  run() { "$@"; }
  sdk=()
fi

swift build -c release
bin=$(swift build -c release --show-bin-path)
target=$(swift -print-target-info | sed -n 's/^ *"triple" *: *"\(.*\)",*$/\1/p' | head -1)
maps=()
for map in "$bin"/*.build/module.modulemap Sources/*/module.modulemap Sources/*/include/module.modulemap; do
  if [[ -e $map ]]; then maps+=(-Xcc "-fmodule-map-file=$map"); fi
done

out=.build/docc
rm -rf "$out"
failed=0
for module in Tapestry TapestryDatasets TapestryFiles TapestryGraph TapestryInsight TapestryModels TapestryOps \
  TapestryOptim TapestryPictures TapestryTesting TapestryTraining; do
  catalog=Sources/${module#Tapestry}/$module.docc
  if [[ $module == Tapestry ]]; then catalog=Sources/Tapestry/Tapestry.docc; fi
  mkdir -p "$out/$module.symbols"
  run swift-symbolgraph-extract -module-name "$module" -I "$bin/Modules" "${maps[@]}" -target "$target" ${sdk[@]+"${sdk[@]}"} \
    -minimum-access-level public -skip-synthesized-members -skip-inherited-docs -output-dir "$out/$module.symbols"
  run docc convert "$catalog" --additional-symbol-graph-dir "$out/$module.symbols" \
    --fallback-display-name "$module" --fallback-bundle-identifier "org.tapestry-swift.$module" \
    --output-path "$out/$module.doccarchive" >"$out/$module.log" 2>&1 || { cat "$out/$module.log"; failed=1; }
  wrong=$(grep -A1 -E '(warning|error): ' "$out/$module.log" | grep -v -e '^--$' | paste -d' ' - - \
    | grep -v 'is missing documentation' || true)
  if [[ -n $wrong ]]; then
    echo "$module:"
    echo "$wrong"
    failed=1
  else
    echo "$module: no warnings"
  fi
done
exit $failed
