#!/usr/bin/env python3
"""Writes src/data/case.def, what lower case has to know of characters, by Unicode.

    make-case.py > src/data/case.def

LOWER: the characters first, first + step, ..., last are each `delta` below their lower case, which is one character;
ASCII is left out. CASE: the characters first ... last are CASED, or IGNORABLE between cased ones, as the rule for the
last sigma of a word has it (Unicode 3.13, Final_Sigma). Both are found by trying Python's str.lower(), of the Unicode
version unicodedata.unidata_version.
"""

import unicodedata

CHARACTERS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def main():
    print(f"/* Of Unicode {unicodedata.unidata_version}, by scripts/make-case.py. */")
    lower = {c: ord(chr(c).lower()) for c in CHARACTERS
             if c >= 0x80 and len(chr(c).lower()) == 1 and chr(c).lower() != chr(c)}
    left = sorted(lower)
    while left:
        delta = lower[left[0]] - left[0]
        runs = {step: run(left, lower, step, delta) for step in (1, 2)}
        step = max(runs, key=runs.get)
        print(f"LOWER(0x{left[0]:04X}, 0x{left[runs[step] - 1]:04X}, {step}, {delta})")
        left = left[runs[step]:]
    kinds = {c: kind(chr(c)) for c in CHARACTERS}
    left = [c for c in CHARACTERS if kinds[c]]
    while left:
        n = 1
        while n < len(left) and left[n] == left[n - 1] + 1 and kinds[left[n]] == kinds[left[0]]:
            n += 1
        print(f"CASE(0x{left[0]:04X}, 0x{left[n - 1]:04X}, {kinds[left[0]]})")
        left = left[n:]


def kind(c):
    if f"{c}\u03a3".lower().endswith("\u03c2"):
        return "CASED"
    return "IGNORABLE" if f"A{c}\u03a3".lower().endswith("\u03c2") else None


def run(left, lower, step, delta):
    """How many of the first characters lie `step` apart and have this delta."""
    n = 1
    while n < len(left) and left[n] == left[n - 1] + step and lower[left[n]] - left[n] == delta:
        n += 1
    return n


if __name__ == "__main__":
    main()
