#!/usr/bin/env bash
# pyarrow 26.0.1: `type_codes` and `offsets` of a union's slice have the slice's length, and the values of the whole's
# beginning. `field` of a sparse union's slice begins where the slice does, so that the two do not go together: who puts
# them together reads other values than `to_pylist`. What is right is in the buffers:
# `pa.Array.from_buffers(pa.int8(), len(column), [None, column.buffers()[1]], offset=column.offset)`.
#
# Seen:
#   sparse: values ['b', 3], type codes [0, 1], in the buffer [1, 0]
#   dense: values ['a', 2], type codes [0, 1], in the buffer [1, 0], offsets [0, 0], in the buffer [0, 1]
#
# Exits 0 while that is so, 1 if it is not, 2 if pyarrow cannot be installed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --only-binary :all: pyarrow==26.0.1 >&2 || { echo "pyarrow was not installed" >&2; exit 2; }

cat >"$folder/slices.py" <<'PY'
import pyarrow as pa

parts = [pa.array([1, 2, 3]), pa.array(["a", "b", "c"])]
codes = pa.array([0, 1, 0], pa.int8())
sparse = pa.UnionArray.from_sparse(codes, parts).slice(1)
dense = pa.UnionArray.from_dense(codes, pa.array([0, 0, 1], pa.int32()), parts).slice(1)


def buffer(column: pa.Array, kind: pa.DataType, number: int) -> list:
    buffers = [None, column.buffers()[number]]
    return pa.Array.from_buffers(kind, len(column), buffers, offset=column.offset).to_pylist()


for name, column in (("sparse", sparse), ("dense", dense)):
    told = f"type codes {column.type_codes.to_pylist()}, in the buffer {buffer(column, pa.int8(), 1)}"
    print(f"{name}: values {column.to_pylist()}, {told}", end="")
    more = name == "dense" and f", offsets {column.offsets.to_pylist()}, in the buffer {buffer(column, pa.int32(), 2)}"
    print(more or "")
PY
wanted="sparse: values ['b', 3], type codes [0, 1], in the buffer [1, 0]
dense: values ['a', 2], type codes [0, 1], in the buffer [1, 0], offsets [0, 0], in the buffer [0, 1]"
found=$("$folder/venv/bin/python" "$folder/slices.py")
echo "$found"
[ "$found" = "$wanted" ] || { echo "it was:"; echo "$wanted"; exit 1; } >&2
