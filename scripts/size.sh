#!/usr/bin/env bash
# What the library costs: the size of the stripped libtaper.so with all its ISA levels, and with --build the time of a clean
# release build of it.
#   scripts/size.sh BUILD-FOLDER [--build]
# Fails if the library is 4 MB or larger. The time is printed only: it depends on the machine.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -ge 1 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 2; }
build=$1
limit=$((4 * 1000 * 1000))

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ "${2:-}" = --build ]; then
    start=$(date +%s)
    cmake -S . -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DTAPER_TESTS=OFF -DTAPER_EXAMPLES=OFF \
        -DTAPER_BENCH=OFF >"$work/log"
    cmake --build "$work/build" >>"$work/log"
    printf 'a clean release build of the library takes %d s on %d cores\n' $(($(date +%s) - start)) "$(nproc)"
    build=$work/build
fi

strip -o "$work/libtaper.so" "$build/libtaper.so"
bytes=$(stat -c %s "$work/libtaper.so")
printf 'libtaper.so, stripped: %d.%02d MB\n' $((bytes / 1000000)) $((bytes % 1000000 / 10000))
[ "$bytes" -lt "$limit" ] || { echo "that is not below 4 MB"; exit 1; }
