#!/bin/sh
# scipy 1.17.1: asking a sparse matrix for the greatest value of each row reorders that matrix.
#
# Expected: `max(axis=1)` only reads. Its documentation speaks of nothing else, and the matrix may
# be one that somebody else walks through cell by cell.
# Happens: the indices and data of the operand are sorted in place (by `sum_duplicates`), so that
# whoever takes the first of several equal cells takes another one afterwards. `min(axis=1)` and
# `argmax(axis=1)` do the same; `sum(axis=1)` and products leave it as it is.
# Exits 0 while it is so, 1 if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet scipy==1.17.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import scipy
import scipy.sparse as sp


def matrix():
    """One row; its cells were given as column 2, then column 0."""
    cells, columns, starts = np.array([5.0, 7.0]), np.array([2, 0]), np.array([0, 2])
    return sp.csr_array((cells, columns, starts), shape=(1, 3))


seen = {}
for name in ("max", "min", "argmax", "sum"):
    operand = matrix()
    getattr(operand, name)(axis=1)
    seen[name] = operand.indices.tolist()
    print(f"scipy {scipy.__version__}: columns after {name}(axis=1): {seen[name]}, before: [2, 0]")
changed = {name for name, columns in seen.items() if columns != [2, 0]}
sys.exit(0 if changed == {"max", "min", "argmax"} else 1)
PYTHON
