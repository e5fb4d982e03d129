#!/usr/bin/env bash
# Trains a network on MNIST: installs what is needed, builds taper, and runs examples/mnist on examples/data/mnist.
#   scripts/mnist.sh [--short] [OPTION ...]
# --short takes one epoch of a part of the data. All other options go to the program: try --help.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

options=(--model mlp --epochs 5)
if [ "${1:-}" = --short ]; then
    options=(--model mlp --epochs 1 --limit 10000)
    shift
fi

need_packages gcc libc6-dev cmake ninja-build libopenblas-openmp-dev zlib1g-dev
use_all_cores

echo "Building taper"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { cmake -S . -B build/mnist -DCMAKE_BUILD_TYPE=Release -DTAPER_TESTS=OFF -DTAPER_BENCH=OFF &&
    cmake --build build/mnist --target mnist; } >"$log" 2>&1; then
    cat "$log"
    exit 1
fi
build/mnist/examples/mnist --data examples/data/mnist "${options[@]}" "$@"
