#!/usr/bin/env bash
# Compiles and runs every ```c block of README.md and docs/*.md against the library in a build folder.
#   scripts/check-docs.sh BUILD-FOLDER
#
# A block with a main() is a program. Any other is a piece of one and is put into a main() of its own, with
# the usual headers in front and in a scope; an error it leaves pending is a failure. Programs run in the top
# folder. HTML comments, which a reader does not see, help a piece to stand alone:
#
#   <!-- code: before      declarations and statements put in front of the next block, inside main()
#   tp_tensor *x = ...;
#   -->
#   <!-- code: outside     the same, but outside main(), in front of all later pieces of the page
#   static int helper(void) { ... }
#   -->
#   <!-- code: outside -->   the next block itself stands outside main(), in front of all later pieces of the page
set -euo pipefail
cd "$(dirname "$0")/.."
build=$(cd "$1" && pwd)
work=$build/docs
rm -rf "$work"
mkdir -p "$work"

# Writes each block of a page to a file of its own, PAGE-LINE.c. #line makes errors point at the page.
extract() {
    awk -v page="$1" -v stem="$2" '
    function place() { return "#line " (NR + 1) " \"" page "\"\n" }
    function write(    file) {
        file = stem "-" start ".c"
        if (code ~ /(^|\n)int main\(/) {
            printf "%s", code > file
        } else if (next_is_outside) {
            outside = outside code
            printf "%s%s\nint main(void) { return 0; }\n", headers, outside > file
        } else {
            printf "%s%s\nint main(void) {\n    tp_scope *page_scope = tp_scope_begin();\n%s%s", headers, outside, before, code > file
            printf "    tp_error page_error = tp_last_error();\n" > file
            printf "    if (page_error.code) fprintf(stderr, \"%%s\\n\", page_error.message);\n" > file
            printf "    tp_scope_end(page_scope);\n    return page_error.code != TP_OK;\n}\n" > file
        }
        close(file)
        before = ""
        next_is_outside = 0
    }
    BEGIN {
        headers = "#include <math.h>\n#include <stdbool.h>\n#include <stdint.h>\n#include <stdio.h>\n" \
                  "#include <stdlib.h>\n#include <string.h>\n#include \"taper.h\"\n"
    }
    state == "" && /^```c$/ { state = "code"; start = NR; code = place(); next }
    state == "" && /^```/ { state = "other"; next }
    state == "" && /^<!-- code: outside -->$/ { next_is_outside = 1; next }
    state == "" && /^<!-- code: outside$/ { state = "outside"; outside = outside place(); next }
    state == "" && /^<!-- code: before$/ { state = "before"; before = before place(); next }
    state == "" && /^<!-- code:/ { print page ":" NR ": not understood: " $0; exit 1 }
    state == "code" && /^```$/ { write(); state = ""; next }
    state == "other" && /^```$/ { state = ""; next }
    (state == "outside" || state == "before") && /^-->$/ { state = ""; next }
    state == "code" { code = code $0 "\n" }
    state == "outside" { outside = outside $0 "\n" }
    state == "before" { before = before $0 "\n" }
    END { if (state != "") { print page ": a block is not closed"; exit 1 } }' "$1"
}

for page in README.md docs/*.md; do
    [ -e "$page" ] || continue
    name=${page//\//-}
    extract "$page" "$work/${name%.md}"
done

passed=0
for source in "$work"/*.c; do
    [ -e "$source" ] || continue
    program=${source%.c}
    "${CC:-cc}" -std=c11 -O1 -Wall -Wextra -Werror -Wno-unused-variable -Wno-unused-but-set-variable \
        -Wno-unused-function -Wno-unused-parameter -D_GNU_SOURCE=1 -Iinclude "$source" -o "$program" \
        -L"$build" -ltaper -lm -Wl,-rpath,"$build"
    if ! timeout 300 "$program" >"$program.out" 2>&1 </dev/null; then
        echo "$(basename "$program"): the code on that line of the page fails:"
        cat "$program.out"
        exit 1
    fi
    passed=$((passed + 1))
done
echo "$passed blocks of code compile and run"
