#!/usr/bin/env bash
# Is taper usable once it is installed? Builds and runs tests/package, away from the sources,
#   - with find_package(taper) and with pkg-config, from what BUILD-FOLDER (a shared build) installs;
#   - as a part of the user's project (add_subdirectory), static;
#   - with find_package(taper) and with pkg-config, from what that static build installs.
#   scripts/check-package.sh BUILD-FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
top=$PWD
build=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
use_all_cores

quietly() { "$@" >"$work/log" 2>&1 || { cat "$work/log"; return 1; }; }

# use PREFIX NAME: the user's project against what is installed there.
use() {
    local prefix=$1 name=$2 pc
    cp -r "$top/tests/package" "$work/$name"
    quietly cmake -S "$work/$name" -B "$work/$name/build" -DCMAKE_PREFIX_PATH="$prefix"
    quietly cmake --build "$work/$name/build"
    "$work/$name/build/user"
    pc=$(dirname "$(find "$prefix" -name taper.pc)")
    # shellcheck disable=SC2046
    quietly "${CC:-cc}" -std=c11 "$work/$name/main.c" -o "$work/$name/by-pkg-config" \
        $(PKG_CONFIG_PATH=$pc pkg-config --cflags --libs taper) -lm -Wl,-rpath,"$(dirname "$pc")"
    "$work/$name/by-pkg-config"
}

echo 'shared, installed:'
quietly cmake --install "$build" --prefix "$work/shared-prefix"
use "$work/shared-prefix" shared

echo 'static, as a part of a project:'
cp -r tests/package "$work/part"
quietly cmake -S "$work/part" -B "$work/part/build" -DTAPER_SOURCE_DIR="$top" -DBUILD_SHARED_LIBS=OFF \
    -DTAPER_INSTALL=ON -DTAPER_DISPATCH=OFF -DCMAKE_BUILD_TYPE=Debug -DCMAKE_INSTALL_PREFIX="$work/static-prefix"
quietly cmake --build "$work/part/build"
"$work/part/build/user"

echo 'static, installed:'
quietly cmake --install "$work/part/build"
use "$work/static-prefix" static
