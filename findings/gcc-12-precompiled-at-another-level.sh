#!/usr/bin/env bash
# Debian 12's g++ (12.2.0-14+deb12u1) dies with "internal compiler error: Segmentation fault" (IPA pass "cp") where a
# header was precompiled at -O1 and the file that includes it is compiled at -O2 or -O3. It takes the header for valid:
# with -Winvalid-pch it says so of -O0 ("not used because `__OPTIMIZE__' not defined"), and of other levels nothing.
# In CMake: COMPILE_OPTIONS of a source that raise the level of a target with `target_precompile_headers`; give such a
# source SKIP_PRECOMPILE_HEADERS.
#
# Seen: -O1 compiles, -O2 and -O3 die, -O0 compiles without the precompiled header.
#
# Exits 0 while that is so, 1 if it is not, 2 if the compiler is missing and cannot be installed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
command -v g++-12 >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends g++-12; } >/dev/null 2>&1 || true
command -v g++-12 >/dev/null || { echo "g++-12 is missing, and apt-get did not install it" >&2; exit 2; }

echo '#include <vector>' >common.h
g++-12 -O1 -x c++-header common.h -o common.h.gch
cat >file.cpp <<'CPP'
#include <string>
#include <vector>
int add(std::vector<std::string> &names) { names.push_back("x"); return names.size(); }
CPP

status=0
expect() { # what comes of it, at a level
  local wanted=$1 level=$2 found said
  if said=$(g++-12 "$level" -Winvalid-pch -include common.h -c file.cpp -o /dev/null 2>&1); then
    found=$([ -z "$said" ] && echo "compiled" || echo "compiled without")
  else
    found=$(grep -q "internal compiler error" <<<"$said" && echo "died" || echo "an error")
  fi
  echo "$(g++-12 -dumpfullversion): precompiled at -O1, compiled at $level: $found"
  [ "$found" = "$wanted" ] || { echo "  it was: $wanted" >&2; status=1; }
}
expect "compiled" -O1
expect "died" -O2
expect "died" -O3
expect "compiled without" -O0
exit $status
