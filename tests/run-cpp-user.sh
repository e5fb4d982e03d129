#!/bin/sh
# Builds tests/cpp_user.cpp against the shared library and runs it.
#   run-cpp-user.sh C++-COMPILER LIBRARY-FOLDER
set -eu
tests=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$1" -std=c++17 -Wpedantic -Wall -Wextra -Werror -I"$tests/../include" "$tests/cpp_user.cpp" -o "$work/cpp_user" \
    -L"$2" -ltaper -Wl,-rpath,"$2"
"$work/cpp_user"
