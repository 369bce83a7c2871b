#!/usr/bin/env bash
# pyarrow 26.0.1: `pyarrow.parquet.write_table` writes columns without an error that `read_table` refuses (ArrowInvalid):
# lists of the fixed size 0 in which one is null, and dictionaries whose values are of an extension type. The file's
# other columns can be read (`columns=`) only for the first: the second is refused with the schema.
# A column is safe if a trial in memory, of its values, could be read.
#
# Seen:
#   fixed_size_list<item: int64>[0]: written; read: ArrowInvalid; the other column: read
#   dictionary<values=extension<arrow.uuid>, indices=int8, ordered=0>: written; read: ArrowInvalid; the other column: ArrowInvalid
#
# Exits 0 while that is so, 1 if it is not, 2 if pyarrow cannot be installed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --only-binary :all: pyarrow==26.0.1 >&2 || { echo "pyarrow was not installed" >&2; exit 2; }

cat >"$folder/read.py" <<'PY'
import io

import pyarrow as pa
import pyarrow.parquet as pq

ids = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(16)], pa.binary(16)))
columns = [
    pa.array([[], None], pa.list_(pa.int64(), 0)),
    pa.DictionaryArray.from_arrays(pa.array([0, 0], pa.int8()), ids),
]


def read(file: io.BytesIO, names: list[str] | None) -> str:
    try:
        pq.read_table(io.BytesIO(file.getvalue()), columns=names)
    except Exception as exc:
        return type(exc).__name__
    return "read"


for column in columns:
    file = io.BytesIO()
    pq.write_table(pa.table({"x": column, "other": [1, 2]}), file)
    print(f"{column.type}: written; read: {read(file, None)}; the other column: {read(file, ['other'])}")
PY
wanted="fixed_size_list<item: int64>[0]: written; read: ArrowInvalid; the other column: read
dictionary<values=extension<arrow.uuid>, indices=int8, ordered=0>: written; read: ArrowInvalid; the other column: ArrowInvalid"
found=$("$folder/venv/bin/python" "$folder/read.py")
echo "$found"
[ "$found" = "$wanted" ] || { echo "it was:"; echo "$wanted"; exit 1; } >&2
