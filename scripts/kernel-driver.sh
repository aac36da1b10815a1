#!/usr/bin/env bash
# Calls every kernel with random shapes, operands against unreadable pages, and compares with plain loops in double:
#
#   scripts/kernel-driver.sh native [CASES]     every variant that this processor runs (40,000 cases each)
#   scripts/kernel-driver.sh undefined [CASES]  the same under the sanitizer of undefined behaviour (4,000)
#   scripts/kernel-driver.sh neon [CASES]       cross-compiled for arm64 and emulated (4,000)
#
# The kernels need clang: CLANG names it, else it is the one in the path. `neon` needs Debian's qemu-user, gcc-aarch64-linux-gnu
# and libc6-dev-arm64-cross. Options behind the number go to the driver: --seed N, --variant NAME, --family NAME.
set -euo pipefail
cd "$(dirname "$0")/.."
mode=${1:-native}
clang=${CLANG:-clang}
flags=(-O2 -Wall -Wextra -Werror -ISources/Kernels -ISources/Kernels/include -ITests/KernelDriver)
default=4000
run=()
case $mode in
  native) default=40000 ;;
  # Flags for every check of undefined behaviour, conversions of floating numbers beyond a type's range and divisions included.
  # Operands need no more alignment than their elements have; the linker of the toolchain finds the runtime.
  undefined) flags+=(-O0 -fsanitize=undefined,float-cast-overflow -fno-sanitize-recover=all) ;;
  neon)
    flags+=(--target=aarch64-linux-gnu -static)
    run=(qemu-aarch64)
    ;;
  *) sed -n '2,10p' "$0" >&2; exit 2 ;;
esac
cases=${2:-$default}
shift $(($# < 2 ? $# : 2))

build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
export build clang
compile() { "$clang" "$@" -o "$build/$(tr / _ <<<"${!#}").o"; }
export -f compile
printf '%s\0' Sources/Kernels/*/*.c Tests/KernelDriver/*.c |
  xargs -0 -P "$(getconf _NPROCESSORS_ONLN)" -I{} bash -c 'compile "$@"' _ "${flags[@]}" -c {}
"$clang" "${flags[@]}" "$build"/*.o -lm -lpthread -o "$build/driver"
${run[@]+"${run[@]}"} "$build/driver" --cases "$cases" "$@"
