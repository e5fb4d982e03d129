#!/bin/sh
# Compiles every public header alone, included twice, without the library's own definitions.
#   check-headers.sh COMPILER LANGUAGE STANDARD     as in: check-headers.sh g++ c++ c++17
set -u
include=$(cd "$(dirname "$0")/../include" && pwd)
bad=0
count=0
for header in "$include"/*.h "$include"/*/*.h; do
    name=${header#"$include"/}
    count=$((count + 1))
    printf '#include "%s"\n#include "%s"\nint headers_stand_alone;\n' "$name" "$name" |
        "$1" -x "$2" -std="$3" -Wpedantic -Wall -Wextra -Werror -fsyntax-only -I"$include" - || {
        echo "$name does not compile alone as $3 with $1" >&2
        bad=1
    }
done
# No C++ keyword, and no macro without TP_ in front (other than include guards), is left by the headers.
if [ "$2" = c ]; then
    before=$(echo '' | "$1" -x c -std="$3" -dM -E -include stdbool.h -include stddef.h -include stdint.h -include stdio.h -)
    printf '#include "taper.h"\n' | "$1" -x c -std="$3" -dM -E -I"$include" - | awk -v before="$before" '
        BEGIN { n = split(before, lines, "\n"); for (i = 1; i <= n; i++) known[lines[i]] = 1 }
        !($0 in known) && $2 !~ /^(TP_|TAPER_|_)/ { print "macro without TP_: " $0; bad = 1 }
        END { exit bad }' >&2 || bad=1
fi
[ $bad = 0 ] && echo "$count headers compile alone as $3 with $1"
exit $bad
