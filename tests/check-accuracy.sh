#!/usr/bin/env bash
# Trains a network of examples/mnist.c in full with three seeds; the mean test accuracy must reach a figure.
#   tests/check-accuracy.sh PROGRAM MODEL PERCENT
set -euo pipefail
cd "$(dirname "$0")/.."
program=$1 model=$2 percent=$3
figures=""
for seed in 0 1 2; do
    figure=$("$program" --model "$model" --seed "$seed" | sed -n 's/^test accuracy: \(.*\) %$/\1/p')
    printf '%s, seed %s: %s %%\n' "$model" "$seed" "$figure"
    figures="$figures $figure"
done
echo "$figures" | awk -v percent="$percent" '{
    mean = ($1 + $2 + $3) / 3
    printf "mean %.2f %%, to be at least %.2f %%\n", mean, percent
    exit !(NF == 3 && mean >= percent)
}'
