#!/usr/bin/env bash
# Redis 7.0 and redis-py 8.1.0: after `SENTINEL FAILOVER` the old primary, which lives, goes on as a primary for some ten
# seconds until a sentinel makes it a replica. Clients that are connected write there meanwhile, get OK, and lose it:
# redis-py's `Sentinel.master_for` asks the sentinels only when it connects. The sentinels tell the new address long
# before that, by GET-MASTER-ADDR-BY-NAME; so a client that asks once a second leaves in time.
#
# Seen, seconds after the new primary was told:
#   a connected client of master_for wrote to the old primary for more than 5 s, and what it wrote is gone afterwards
#
# Exits 0 while that is so, 1 if it is not, 2 if redis-py cannot be installed or there is no redis-server with sentinels.
set -euo pipefail
command -v redis-server >/dev/null || { echo "no redis-server: apt-get install redis-server" >&2; exit 2; }
folder=$(mktemp -d)
trap 'kill $(cat "$folder"/*.pid 2>/dev/null) 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q redis==8.1.0 >&2 || { echo "redis was not installed" >&2; exit 2; }
redis-server --version
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import pathlib
import socket
import subprocess
import sys
import time

import redis
from redis.sentinel import Sentinel

folder = pathlib.Path(sys.argv[1])


def free():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(port, *lines, mode=()):
    file = folder / f"{port}.conf"
    common = (f"port {port}", "bind 127.0.0.1", f"dir {folder}", "daemonize yes", f"pidfile {folder}/{port}.pid")
    file.write_text("\n".join((*common, *lines, "")))
    subprocess.run(["redis-server", file, *mode], check=True, stdout=subprocess.DEVNULL)


def until(condition, seconds=40):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if condition():
                return
        except redis.ConnectionError:
            pass
        time.sleep(0.05)
    sys.exit("waited in vain")


first, second, watcher = free(), free(), free()
start(first, 'save ""')
start(second, 'save ""', f"replicaof 127.0.0.1 {first}", "repl-diskless-sync-delay 0")
start(watcher, f"sentinel monitor g 127.0.0.1 {first} 1", "sentinel down-after-milliseconds g 1000", mode=["--sentinel"])
sentinel = redis.Redis(port=watcher, decode_responses=True)
told = lambda: int(sentinel.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "g")[1])
until(lambda: redis.Redis(port=second).info("replication")["master_link_status"] == "up")
until(lambda: sentinel.sentinel_masters()["g"]["num-slaves"] == 1)

client = Sentinel([("127.0.0.1", watcher)]).master_for("g", decode_responses=True)
client.set("before", 1)
sentinel.execute_command("SENTINEL", "FAILOVER", "g")
until(lambda: told() == second)
began, lost, seconds = time.monotonic(), 0, 0.0
while redis.Redis(port=first).role()[0] == b"master" and seconds < 60:
    client.set(f"after-{lost}", 1)
    lost, seconds = lost + 1, time.monotonic() - began
    time.sleep(0.1)
until(lambda: redis.Redis(port=first).info("replication")["master_link_status"] == "up")
kept = sum(redis.Redis(port=second).exists(f"after-{number}") for number in range(lost))
print(f"redis-py {redis.__version__}: the old primary took {lost} writes in {seconds:.1f} s after the new one was told")
print(f"of these {kept} are there now")
raise SystemExit(not (seconds > 5 and lost > 10 and kept <= 2))
PYTHON
