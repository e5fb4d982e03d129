#!/bin/sh
# A room's private headers are included only by itself and by rooms later in this order, where rooms on one
# line are neighbours that do not include each other:
rooms='
kernels core
autograd
ops
nn optim
io
data
train
dist
'
# Public headers include only public ones, and so do examples and benchmarks. Tests may include anything.
set -eu
cd "$(dirname "$0")/.."

find src include examples bench -name '*.[ch]' -o -name '*.def' -o -name '*.cpp' | sort |
    xargs awk -v rooms="$rooms" '
    BEGIN {
        levels = split(rooms, line, "\n")
        for (i = 1; i <= levels; i++) {
            n = split(line[i], room, " ")
            for (j = 1; j <= n; j++) level[room[j]] = i
        }
    }
    function fault(what) {
        printf "%s:%d: %s\n", FILENAME, FNR, what
        faults++
    }
    FNR == 1 {
        files++
        split(FILENAME, path, "/")
        from = path[1] == "src" ? path[2] : path[1]
        if (path[1] == "src" && !(from in level)) fault("src/" from " is no room that check-includes.sh knows")
    }
    /^[ \t]*#[ \t]*include[ \t]*"/ {
        file = $0
        sub(/^[^"]*"/, "", file)
        sub(/".*/, "", file)
        if (file ~ /(^|\/)\.\.?\//) { fault("\"" file "\": paths start at src/ or include/"); next }
        if (file == "taper.h" || file ~ /^taper\//) next
        if (path[1] == "include") { fault("a public header includes the private \"" file "\""); next }
        parts = split(file, to, "/")
        if (parts == 1) next # beside the file itself
        if (path[1] != "src") { fault(path[1] " includes the private \"" file "\""); next }
        if (!(to[1] in level)) { fault("\"" file "\": no room of that name"); next }
        if (to[1] != from && level[to[1]] >= level[from])
            fault("src/" from " includes \"" file "\", which does not lie before it")
    }
    END {
        if (!faults) print files " files include only what lies before them"
        exit faults > 0
    }'
