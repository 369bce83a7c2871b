#!/usr/bin/env bash
# celery and kombu 5.7.0: the setting `broker_transport` chooses the transport, unless the broker's URL has a plus
# sign in its scheme, as that of a Redis behind a Unix socket must have (`redis+socket://`). Then kombu takes the part
# before the plus sign and says nothing. A program with a transport of its own so has it over TCP, and kombu's own over
# a socket. The part may be a name of `kombu.transport.TRANSPORT_ALIASES`, so one that is registered there works.
#
# Seen, with `broker_transport` set to a subclass `own:Transport`:
#   redis://127.0.0.1:1/0: own.Transport
#   redis+socket:///run/redis.sock: kombu.transport.redis.Transport
#   own+socket:///run/redis.sock, registered: own.Transport
#
# Exits 0 while that is so, 1 if it is not, 2 if the packages cannot be installed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q celery==5.7.0 kombu==5.7.0 redis==8.1.0 packaging==26.0 >&2 || { echo "celery was not installed" >&2; exit 2; }
cd "$folder"
cat >own.py <<'PYTHON'
from kombu.transport import redis


class Transport(redis.Transport):
    pass
PYTHON
PYTHONPATH=$folder "$folder/venv/bin/python" - <<'PYTHON'
import sys

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES


def used(url):
    app = Celery("program", broker=url)
    app.conf.broker_transport = "own:Transport"
    found = app.connection_for_write().get_transport_cls()
    return f"{found.__module__}.{found.__name__}"


tcp, socket = used("redis://127.0.0.1:1/0"), used("redis+socket:///run/redis.sock")
TRANSPORT_ALIASES["own"] = "own:Transport"
named = used("own+socket:///run/redis.sock")
print(f"redis://127.0.0.1:1/0: {tcp}")
print(f"redis+socket:///run/redis.sock: {socket}")
print(f"own+socket:///run/redis.sock, registered: {named}")
sys.exit((tcp, socket, named) != ("own.Transport", "kombu.transport.redis.Transport", "own.Transport"))
PYTHON
