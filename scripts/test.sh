#!/usr/bin/env bash
# All checks that a change has to pass. Installs what they need on Debian and Ubuntu, leaves the checkout clean
# (everything goes to build/), stops at the first failure.
#   scripts/test.sh [--long]
# --long adds the tests that take minutes each (ctest label long).
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

long=no
for argument in "$@"; do
    case $argument in
    --long) long=yes ;;
    *) sed -n '2,5s/^# \{0,1\}//p' "$0" && exit 2 ;;
    esac
done

sections=0
current=start
section() {
    sections=$((sections + 1))
    current=$1
    printf '\n==== %s (at %d s)\n' "$current" "$SECONDS"
}
finish() {
    local status=$?
    if [ $status = 0 ]; then
        printf '\n==== scripts/test.sh: all %d sections passed in %d s\n' "$sections" "$SECONDS"
    else
        printf '\n==== scripts/test.sh: FAILED in "%s" after %d s\n' "$current" "$SECONDS"
    fi
}
trap finish EXIT

# Configuring and compiling say something only when they fail.
quietly() {
    local log=build/quiet.log
    mkdir -p build
    "$@" >"$log" 2>&1 </dev/null || { cat "$log"; return 1; }
}

# preset NAME [CTEST-OPTION ...]: configure, build, and run the tests that the preset is for.
preset() {
    local name=$1
    shift
    quietly cmake --preset "$name"
    quietly cmake --build --preset "$name"
    printf 'built (at %d s)\n' "$SECONDS"
    ctest --preset "$name" "$@"
}

section 'What is needed'
need_packages gcc g++ libc6-dev clang cmake ninja-build pkg-config libopenblas-openmp-dev libomp-dev zlib1g-dev \
    libpng-dev libcmocka-dev clang-format
use_all_cores
export CC=gcc # of the presets that do not say clang
# A test's threads and its neighbours' share the cores: an OpenMP team that spins would only delay them.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
cmake --version | head -n 1
gcc --version | head -n 1
clang --version | head -n 1

section 'Format'
scripts/check-format.sh

section 'Which room includes which'
scripts/check-includes.sh

section 'gcc, release'
preset release

section 'gcc, debug: AddressSanitizer, UndefinedBehaviorSanitizer, leaks'
preset debug

section 'clang, release'
preset release-clang

section 'gcc, ThreadSanitizer'
preset tsan

section 'Without OpenMP, BLAS, zlib and libpng, static'
preset minimal

section 'Its size'
scripts/size.sh build/release

section 'Installed, and used from another folder'
scripts/check-package.sh build/release

section 'The code in the documentation'
scripts/check-docs.sh build/release

section 'scripts/mnist.sh --short'
scripts/mnist.sh --short

if [ $long = yes ]; then
    section 'What takes long'
    ctest --preset long
fi
