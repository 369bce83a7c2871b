#!/usr/bin/env bash
# numpy 2.4.6 on CPython 3.11: `numpy.ctypeslib.as_array(pointer, shape=...)` makes an array over memory that a C library
# owns. It casts the pointer, and `ctypes.cast` has the pointer name itself. So each pointer that a C function returns,
# once such an array was made of it, is freed by Python's cyclic collector alone. An array over
# `(c_float * n).from_address(address)` leaves nothing.
#
# A program that looks at a library's row of numbers for every token, as one does with `llama_get_logits_ith`, so feeds
# the collector, which stops all threads of the process when it runs.
#
# Seen for 1,000 arrays, each over a pointer that a C function has just returned:
#   as_array over the pointer: the collector found 2000 objects
#   frombuffer over from_address: the collector found 0 objects
#
# Exits 0 while that is so, 1 if it is not, 2 if numpy cannot be installed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 >&2 || { echo "numpy was not installed" >&2; exit 2; }
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import ctypes
import gc
import sys

import numpy as np

COUNT, CALLS = 900, 1000
memory = (ctypes.c_float * COUNT)()
returned = ctypes.CDLL(None).memcpy  # gives its first argument back
returned.argtypes, returned.restype = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t], ctypes.POINTER(ctypes.c_float)
row = ctypes.c_float * COUNT
address = ctypes.addressof(memory)


def left_behind(make):
    """How many objects the collector finds after so many arrays were made and dropped."""
    make()
    gc.collect()
    gc.disable()
    for _ in range(CALLS):
        assert make().shape == (COUNT,)
    found = gc.collect()
    gc.enable()
    return found


by_pointer = left_behind(lambda: np.ctypeslib.as_array(returned(memory, memory, 0), shape=(COUNT,)))
by_address = left_behind(lambda: np.frombuffer(row.from_address(address), np.float32))
print(f"numpy {np.__version__}, Python {sys.version.split()[0]}, {CALLS} arrays, each over a pointer that was just returned:")
print(f"as_array over the pointer: the collector found {by_pointer} objects")
print(f"frombuffer over from_address: the collector found {by_address} objects")
sys.exit(0 if by_pointer >= CALLS and by_address == 0 else 1)
PYTHON
