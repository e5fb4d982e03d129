#!/usr/bin/env python3
"""Writes tests/golden/*.safetensors: inputs, results and gradients computed by PyTorch.

    make-golden.py tests/golden              all
    make-golden.py tests/golden conv loss    those of these families: scripts/golden/conv.py makes conv.safetensors

The suite reads them with the library's own reader (tests/test_golden.c) and needs no Python; this is run by
hand, with PyTorch 2.13, when a case is added. What a file holds:

  <case>/in0 ...     inputs, in the order of the C function's tensor arguments
  <case>/out0 ...    results
  <case>/seed0 ...   the gradients given to the results that carry one
  <case>/grad0 ...   the gradients of the floating inputs

and as metadata, for each case, its op and arguments as text, `op=conv2d stride=2,1 padding=1,1`: test_golden.c
calls the C function by them. Numbers are F64 that F32 holds exactly where they are inputs.
"""

import importlib
import pathlib
import re
import sys

import torch
import torch.nn.functional  # for check_names()

from golden.support import File


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    families = sorted(p.stem for p in pathlib.Path(__file__).with_name("golden").glob("*.py") if p.stem != "support")
    for name in sys.argv[2:] or families:
        file = File(name)
        importlib.import_module(f"golden.{name}").cases(file)
        file.write(sys.argv[1])
    check_names()


def check_names():
    """Every function that docs/ops.md names is there."""
    for line in (pathlib.Path(__file__).parents[1] / "docs" / "ops.md").read_text().splitlines():
        found = re.match(r"\| `tp_(\w+)`.*?\| `torch\.([\w.]+)", line)
        owner = torch
        for part in found.group(2).split(".") if found else []:
            owner = getattr(owner, part, None)
        if owner is None:
            sys.exit(f"PyTorch has no {found.group(2)}, the counterpart of tp_{found.group(1)}: tests/torch_names.def")


if __name__ == "__main__":
    main()
