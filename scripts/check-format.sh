#!/usr/bin/env bash
# Is the C and C++ formatted as .clang-format says? With --fix: formats it. Tables (*.def) are laid out by hand.
set -euo pipefail
cd "$(dirname "$0")/.."

# Versions differ in what they do, and Debian 12 has 14.
tool=
for candidate in clang-format-14 clang-format; do
    if command -v $candidate >/dev/null && $candidate --version | grep -q 'version 14\.'; then
        tool=$candidate
        break
    fi
done
if [ -z "$tool" ]; then
    echo "Skipped: clang-format 14 is not there (apt install clang-format-14)"
    exit 0
fi
files() { find src include tests examples bench -name '*.[ch]' -o -name '*.cpp'; }
if [ "${1:-}" = --fix ]; then
    files | xargs "$tool" -i
else
    files | xargs "$tool" --dry-run -Werror --ferror-limit=3 || {
        echo "Not formatted: run scripts/check-format.sh --fix"
        exit 1
    }
    echo "$(files | wc -l) files are formatted"
fi
