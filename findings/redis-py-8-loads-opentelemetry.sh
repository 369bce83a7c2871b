#!/usr/bin/env bash
# redis-py 8.1.0: `import redis` loads OpenTelemetry's API and the metrics of its SDK wherever they are installed, though
# nobody has turned its own observability on. So packages that are installed for traces, and imported only where traces
# are on, are loaded by every program that speaks to Redis; and "is it in sys.modules" does not tell that somebody uses it.
#
# Seen:
#   without OpenTelemetry: 0 of its modules after import redis
#   with its SDK installed: more than 40 of its modules, opentelemetry.sdk.metrics among them
#
# Exits 0 while that is so, 1 if it is not, 2 if the packages cannot be installed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { "$folder/venv/bin/pip" install -q "$@" >&2 || { echo "$* was not installed" >&2; exit 2; }; }
loaded() {
  "$folder/venv/bin/python" -c "
import redis, sys
names = [name for name in sys.modules if name.startswith('opentelemetry')]
print(len(names), 'opentelemetry.sdk.metrics' in names)"
}

install redis==8.1.0
before=$(loaded)
echo "redis-py 8.1.0 without OpenTelemetry: $before"
[ "$before" = "0 False" ] || exit 1

install opentelemetry-sdk==1.45.2
after=$(loaded)
echo "with opentelemetry-sdk 1.45.2 installed: $after"
[ "${after% *}" -gt 40 ] && [ "${after#* }" = True ] || exit 1
