#!/usr/bin/env bash
# llguidance 1.9.1 (Python): `LLMatcher.deep_copy()` gives a matcher with a state of its own, but the copies share one
# lexer behind a lock. While one thread computes a mask of one copy, `consume_token` of another copy waits until that mask
# is there, and does not let go of Python's global lock meanwhile, so that every thread of the process stands still.
# `unsafe_compute_mask_ptr` itself lets go of it. A matcher compiled anew from the same grammar shares nothing.
#
# Seen, for a mask that takes some 200 ms (times vary):
#   another thread ran while the mask was computed: yes
#   consume_token of a copy waited for it: yes and no other thread ran
#   consume_token of a matcher compiled anew waited for it: no
#
# Exits 0 while that is so, 1 if it is not, 2 if llguidance cannot be installed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q llguidance==1.9.1 numpy >&2 || { echo "llguidance was not installed" >&2; exit 2; }
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import threading
import time

import numpy as np
from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper

TOKENS = [bytes([byte]) for byte in range(256)] + [b"a" * length for length in range(2, 40)] + [b"\xff<end>"]
GRAMMAR = "start: /(a{500}){500}b/"  # the lexer is built as it is used: the longest tokens go through 40 states


class Vocabulary:
    bos_token_id, eos_token_id = None, len(TOKENS) - 1
    tokens, special_token_ids = TOKENS, [len(TOKENS) - 1]

    def __call__(self, text):
        return list(text.encode() if isinstance(text, str) else text)


TOKENIZER = LLTokenizer(TokenizerWrapper(Vocabulary()))
BITS = np.zeros((len(TOKENS) + 31) // 32, np.int32)


def mask(matcher):
    matcher.unsafe_compute_mask_ptr(BITS.ctypes.data, BITS.nbytes)


def watched(work):
    """How long some work takes, and how long another thread stood still at most meanwhile."""
    gaps, over = [0.0], threading.Event()

    def watch():
        last = time.perf_counter()
        while not over.is_set():
            time.sleep(0.0005)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    watcher = threading.Thread(target=watch)
    watcher.start()
    time.sleep(0.01)
    began = time.perf_counter()
    work()
    took = time.perf_counter() - began
    time.sleep(0.005)
    over.set()
    watcher.join()
    return took, max(gaps)


def beside_a_mask(first, second):
    thread = threading.Thread(target=mask, args=(first,))
    thread.start()
    time.sleep(0.02)
    result = watched(lambda: second.consume_token(97))
    thread.join()
    return result


took, gap = watched(lambda: mask(LLMatcher(TOKENIZER, GRAMMAR, log_level=0)))
ran = gap < took / 3
print("another thread ran while the mask was computed:", "yes" if ran else "no", f"({took * 1e3:.0f} ms)")
original = LLMatcher(TOKENIZER, GRAMMAR, log_level=0)
waited, stood = beside_a_mask(original.deep_copy(), original.deep_copy())
waits, stands = waited > took / 4, stood > waited / 2
print("consume_token of a copy waited for it:", "yes" if waits else "no", "and no other thread ran" if stands else "")
anew, _ = beside_a_mask(LLMatcher(TOKENIZER, GRAMMAR, log_level=0), LLMatcher(TOKENIZER, GRAMMAR, log_level=0))
free = anew < took / 4
print("consume_token of a matcher compiled anew waited for it:", "no" if free else "yes")
raise SystemExit(0 if ran and waits and stands and free else 1)
PYTHON
