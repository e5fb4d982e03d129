#!/usr/bin/env bash
# Times training steps in taper and in PyTorch, in turn on one machine, and prints medians and ratios.
#   scripts/bench.sh [OPTION ...]
#     --rounds N        runs of each row on either side (default: 5)
#     --seconds X       to time a row for in each run (default: 0.7)
#     --rows LIST       as in bench/bench.c --help (default: all)
#     --batch N         only rows of this size
#     --threads LIST    numbers of threads, separated by commas (default: 1,2)
#     --json FILE       where to write the results as JSON (default: build/bench/results.json)
#     --build DIR       where to build (default: build/bench)
# TORCH_PYTHON names a python that has PyTorch (default: python3). Without one, taper is timed alone.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

# What would choose kernels or threads for one side only.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE OPENBLAS_NUM_THREADS GOTO_NUM_THREADS TAPER_ISA ATEN_CPU_CAPABILITY
unset OMP_PROC_BIND OMP_PLACES OMP_WAIT_POLICY GOMP_SPINCOUNT GOMP_CPU_AFFINITY OMP_DYNAMIC

rounds=5 seconds=0.7 threads=1,2 build=build/bench json='' choice=()
usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p;}' "scripts/$(basename "$0")"; }
while [ $# -gt 0 ]; do
    [ "$1" != --help ] || { usage; exit; }
    [ $# -ge 2 ] || { echo "$1: not understood, or without a value: try --help" >&2; exit 1; }
    case $1 in
    --rounds) rounds=$2 ;;
    --seconds) seconds=$2 ;;
    --rows | --batch) choice+=("$1" "$2") ;;
    --threads) threads=$2 ;;
    --json) json=$2 ;;
    --build) build=$2 ;;
    *) echo "$1: not understood, try --help" >&2; exit 1 ;;
    esac
    shift 2
done
[ -n "$json" ] || json=$build/results.json

# ---- the two programs ---------------------------------------------------------------------------------

need_packages gcc libc6-dev cmake ninja-build libopenblas-openmp-dev zlib1g-dev
use_all_cores
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "Building taper"
if ! { cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DTAPER_TESTS=OFF -DTAPER_EXAMPLES=OFF &&
    cmake --build "$build" --target bench; } >"$work/log" 2>&1; then
    cat "$work/log"
    exit 1
fi
mkdir -p "$(dirname "$json")"

taper=("$build/bench/bench")
torch=("${TORCH_PYTHON:-python3}" bench/bench_torch.py)
sides=(taper torch)
if ! "${torch[0]}" -c 'import torch' >/dev/null 2>&1; then
    sides=(taper)
    echo "No PyTorch: timing taper alone. To compare, get it and name its python:"
    echo "  python3 -m venv build/torch && build/torch/bin/pip install torch==2.13.0"
    echo "  TORCH_PYTHON=build/torch/bin/python scripts/bench.sh"
fi
# shellcheck disable=SC2207
rows=($("${taper[@]}" --list ${choice[@]+"${choice[@]}"}))
[ ${#rows[@]} -gt 0 ] || { echo "No row is of that name and size" >&2; exit 1; }

# ---- the rounds: one process a side, new in each round, that take the rows in turn --------------------

# start SIDE THREADS: runs a side's program; what is written to its row pipe comes back as a line of figures.
start() {
    local -n program=$1 to=to_$1 from=from_$1
    rm -f "$work/$1.rows" "$work/$1.times"
    mkfifo "$work/$1.rows" "$work/$1.times"
    env OMP_NUM_THREADS="$2" MKL_NUM_THREADS="$2" "${program[@]}" --serve --threads "$2" \
        --seconds "$seconds" <"$work/$1.rows" >"$work/$1.times" &
    exec {to}>"$work/$1.rows" {from}<"$work/$1.times"
    read -r "engine_$1" <&"$from" || { echo "$1: does not start" >&2; exit 1; }
}

# ask SIDE ROW: times a row and notes it.
ask() {
    local -n to=to_$1 from=from_$1
    local line
    echo "$2" >&"$to"
    read -r line <&"$from" || { echo "$1: failed at $2" >&2; exit 1; }
    echo "$1 $line" >>"$work/times"
}

# All pipes are closed before one is waited for: each program also holds those that were open when it began.
stop() {
    local side
    for side in "${sides[@]}"; do
        local -n to=to_$side from=from_$side
        exec {to}>&- {from}<&-
    done
    wait
}

load=$(cut -d ' ' -f 1 /proc/loadavg 2>/dev/null || echo '?')
cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)
for n in ${threads//,/ }; do
    for ((round = 0; round < rounds; round++)); do
        printf '\r%s threads, round %d of %d ' "$n" $((round + 1)) "$rounds" >&2
        for side in "${sides[@]}"; do start "$side" "$n"; done
        for ((i = 0; i < ${#rows[@]}; i++)); do
            order=("${sides[@]}") # who comes first changes from row to row and from round to round
            [ ${#sides[@]} = 1 ] || [ $(((i + round) % 2)) = 0 ] || order=(torch taper)
            for side in "${order[@]}"; do ask "$side" "${rows[i]}"; done
        done
        stop
    done
done
printf '\r%40s\r' '' >&2

# ---- peak memory --------------------------------------------------------------------------------------

for side in "${sides[@]}"; do
    declare -n program=$side
    for n in ${threads//,/ }; do
        "${program[@]}" --memory --rows cnn-128 --threads "$n" >"$work/peak" 2>"$work/log" || {
            cat "$work/log" >&2
            exit 1
        }
        awk -v side="$side" '$1 == "cnn" { print "peak", side, $3, $4 }' "$work/peak" >>"$work/times"
    done
done

# ---- the results --------------------------------------------------------------------------------------

awk -v taper="$engine_taper" -v torch="${engine_torch:-}" -v cpu="${cpu:-unknown}" -v load="$load" \
    -v rounds="$rounds" -v json="$json" '
function number(text, digits) { return text == "" ? "null" : sprintf("%." digits "f", text) }
# Of the values v[key, 0 .. n-1]: sorts them into sorted[], so that low and high are its ends.
function median(v, key, n,    i, j, x) {
    for (i = 0; i < n; i++) {
        x = v[key, i]
        for (j = i; j > 0 && sorted[j - 1] > x; j--) sorted[j] = sorted[j - 1]
        sorted[j] = x
    }
    low = sorted[0]
    high = sorted[n - 1]
    return n % 2 ? sorted[(n - 1) / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2
}
# Fills text, json_text with the median of a side and its range.
function side_figures(side, key,    m) {
    if (!((side, key) in count)) return text = json_text = ""
    m = median(time, side SUBSEP key, count[side, key])
    middle[side] = m
    text = sprintf("%10.1f  %-19s", m, sprintf("%.1f-%.1f", low, high))
    json_text = sprintf(", \"%s_us\": %.2f, \"%s_low_us\": %.2f, \"%s_high_us\": %.2f", side, m, side, low, \
        side, high)
}
$1 == "peak" {
    peak[$2, $3] = $4
    if (!($3 in peak_seen)) { peak_seen[$3] = 1; peak_threads[peaks++] = $3 }
    next
}
{
    key = $2 SUBSEP $3 SUBSEP $4
    if (!(key in seen)) { seen[key] = 1; keys[rows++] = key }
    time[$1, key, count[$1, key]++] = $5
}
END {
    print "CPU     " cpu "; load at the start " load
    print "taper   " taper
    if (torch != "") print "PyTorch " torch
    print "us a step: median of " rounds " rounds, each the median of its steps, and their range"
    if (torch != "") print "ratio: PyTorch / taper"
    printf "\n%-8s %6s %7s %10s  %-19s", "row", "size", "threads", "taper us", "range"
    if (torch != "") printf " %10s  %-19s %6s  %s", "PyTorch us", "range", "ratio", "range"
    printf "\n"
    printf "{\"cpu\": \"%s\", \"load\": \"%s\", \"taper\": \"%s\", \"torch\": \"%s\", \"rounds\": %d, ", \
        cpu, load, taper, torch, rounds > json
    printf "\"results\": [" > json
    for (r = 0; r < rows; r++) {
        key = keys[r]
        split(key, part, SUBSEP)
        side_figures("taper", key)
        line = text
        json_line = json_text
        side_figures("torch", key)
        if (text != "") {
            for (i = 0; i < count["torch", key]; i++)
                pair["ratio", i] = time["torch", key, i] / time["taper", key, i]
            median(pair, "ratio", count["torch", key])
            ratio = middle["torch"] / middle["taper"]
            line = line sprintf(" %s %6.2f  %.2f-%.2f", text, ratio, low, high)
            json_line = json_line json_text sprintf(", \"ratio\": %.3f", ratio) \
                sprintf(", \"ratio_low\": %.3f, \"ratio_high\": %.3f", low, high)
        }
        printf "%-8s %6s %7s %s\n", part[1], part[2], part[3], line
        printf "%s\n  {\"row\": \"%s\", \"size\": %d, \"threads\": %d%s}", r ? "," : "", part[1], part[2], \
            part[3], json_line > json
    }
    printf "\n ], \"peak_of_cnn_128\": [" > json
    print "\nPeak bytes of tensors in a step of cnn-128:"
    for (i = 0; i < peaks; i++) {
        n = peak_threads[i]
        printf "  %d threads: taper %.1f MB", n, peak["taper", n] / 1e6
        if (torch != "") printf ", PyTorch %.1f MB", peak["torch", n] / 1e6
        printf "\n"
        printf "%s\n  {\"threads\": %d, \"taper_bytes\": %d, \"torch_bytes\": %s}", i ? "," : "", n, \
            peak["taper", n], number(peak["torch", n], 0) > json
    }
    printf "\n ]}\n" > json
}' "$work/times"
echo "As JSON: $json"
