# Shared by the scripts beside it; to be sourced with the top folder as the current one.

# An apt package that is installed, or that brings a command which is there from elsewhere.
have_package() {
    dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed' && return
    case $1 in
    gcc | g++ | clang | cmake | make) command -v "$1" ;;
    ninja-build) command -v ninja ;;
    pkg-config) command -v pkg-config ;;
    clang-format) command -v clang-format || command -v clang-format-14 ;;
    *) false ;;
    esac >/dev/null 2>&1
}

# need_packages PACKAGE ...: installs, by their Debian names, those that are missing. Where that cannot be
# done it names them and goes on: what they bring may be there under other names.
need_packages() {
    if ! command -v apt-get >/dev/null; then
        echo "Not a Debian or Ubuntu system: going on as if it had what these packages bring: $*"
        return 0
    fi
    local package missing=() root=()
    for package in "$@"; do
        have_package "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "Neither root nor sudo: going on without installing: ${missing[*]}"
            return 0
        fi
        root=(sudo)
    fi
    echo "Installing ${missing[*]}"
    local log
    log=$(mktemp)
    if ! { "${root[@]}" apt-get update && "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "${missing[@]}"; } </dev/null >"$log" 2>&1; then
        tail -n 20 "$log"
        echo "apt-get failed: going on without ${missing[*]}"
    fi
    rm -f "$log"
}

# For cmake --build and ctest: all cores, and Ninja if it is there.
use_all_cores() {
    local cores
    cores=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
    export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$cores}
    export CTEST_PARALLEL_LEVEL=${CTEST_PARALLEL_LEVEL:-$cores}
    if [ -z "${CMAKE_GENERATOR:-}" ] && command -v ninja >/dev/null; then export CMAKE_GENERATOR=Ninja; fi
}
