#!/usr/bin/env python3
"""Writes src/data/lower.def: the lower case of every character whose lower case is one other character.

    make-lower.py > src/data/lower.def

The characters are those of the Unicode version that Python has (unicodedata.unidata_version). A row covers
the characters first, first + step, ..., last, each of which is `delta` below its lower case. ASCII is left out.
"""

import unicodedata


def main():
    lower = {c: ord(chr(c).lower()) for c in range(0x80, 0x110000)
             if not 0xD800 <= c < 0xE000 and len(chr(c).lower()) == 1 and chr(c).lower() != chr(c)}
    print(f"/* LOWER(first, last, step, delta), of Unicode {unicodedata.unidata_version}, by scripts/make-lower.py. */")
    left = sorted(lower)
    while left:
        delta = lower[left[0]] - left[0]
        runs = {step: run(left, lower, step, delta) for step in (1, 2)}
        step = max(runs, key=runs.get)
        print(f"LOWER(0x{left[0]:04X}, 0x{left[runs[step] - 1]:04X}, {step}, {delta})")
        left = left[runs[step]:]


def run(left, lower, step, delta):
    """How many of the first characters lie `step` apart and have this delta."""
    n = 1
    while n < len(left) and left[n] == left[n - 1] + step and lower[left[n]] - left[n] == delta:
        n += 1
    return n


if __name__ == "__main__":
    main()
