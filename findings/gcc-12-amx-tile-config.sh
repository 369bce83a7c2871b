#!/usr/bin/env bash
# Debian 12's g++ (12.2.0-14+deb12u1), and its g++-11 (11.3.0-12), drop the stores that fill a tile description before
# `_tile_loadconfig`: the intrinsic is declared to read 8 of the 64 bytes that LDTILECFG reads (gcc PR 114098), so from
# -O1 on the other stores count as dead. What AMX computes then is decided by what lay on the stack: llama.cpp dies by
# SIGSEGV at its first prompt. `-fno-tree-dse -fno-dse` keep the stores; clang 14.0.6 keeps them by itself.
#
# No AMX is needed: in the assembly LDTILECFG is replaced by a call that looks at the bytes which it would have read.
#
# Seen (how many of the palette, the heights of 8 tiles and both bytes of their widths are right; the stack held 0xAA):
#   g++ -O2                              1 of 25 (the palette alone)
#   g++ -O2 -fno-tree-dse -fno-dse      25 of 25
#   g++-11 -O2                           1 of 25
#   g++-11 -O2 -fno-tree-dse -fno-dse   25 of 25
#   clang++-14 -O2                      25 of 25
#
# Exits 0 while that is so, 1 if a compiler behaves otherwise, 2 if a compiler is missing and cannot be installed.
set -euo pipefail
[ "$(uname -m)" = x86_64 ] || { echo "AMX is x86-64's; this is $(uname -m)" >&2; exit 2; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

need() { # a program, and Debian's package of it
  command -v "$1" >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$2"; } >/dev/null 2>&1 || true
  command -v "$1" >/dev/null || { echo "$1 is missing, and apt-get did not install $2" >&2; exit 2; }
}
need g++-12 g++-12
need g++-11 g++-11
need clang++-14 clang-14

cat >configure.cpp <<'CPP'
#include <cstdint>
#include <immintrin.h>
struct alignas(64) description { uint8_t palette, start, none[14]; uint16_t bytes[16]; uint8_t rows[16]; };
extern "C" void configure() {
    description tiles = {};
    tiles.palette = 1;
    for (int tile = 0; tile < 8; ++tile) { tiles.rows[tile] = 16; tiles.bytes[tile] = 64; }
    _tile_loadconfig(&tiles);
}
CPP
cat >run.cpp <<'CPP'
// Linked in place of the instruction: the description as LDTILECFG would read it, on a stack full of 0xAA.
#include <cstdint>
#include <cstdio>
#include <cstring>
extern "C" void configure();
extern "C" __attribute__((used)) void look(const uint8_t *at) {
    int right = at[0] == 1;
    for (int tile = 0; tile < 8; ++tile) right += (at[48 + tile] == 16) + (at[16 + 2 * tile] == 64) + (at[17 + 2 * tile] == 0);
    std::printf("%d\n", right);
}
__attribute__((noinline)) static void soil() { volatile uint8_t stack[4096]; for (auto &byte : stack) byte = 0xAA; }
int main() { soil(); configure(); }
CPP

count() { # a compiler and its switches: how many of the 25 bytes are right when LDTILECFG reads them
  "$@" -O2 -mamx-tile -mno-red-zone -S -o configure.s configure.cpp
  # LDTILECFG becomes a call that is handed the address which it would have read from. GNU as knows no .addrsig.
  sed -E -e '/^\s*\.addrsig/d' -e 's/^\s*ldtilecfg\s+(.*)$/\tleaq \1, %rdi\n\tcall look/' configure.s >called.s
  rm -f run
  g++-12 -O0 -no-pie -o run run.cpp called.s
  ./run
}

status=0
expect() { # how many bytes, then the command
  local wanted=$1 found
  shift
  found=$(count "$@")
  echo "$("$1" --version | head -1): $* -O2: $found of 25 bytes are right"
  [ "$found" = "$wanted" ] || { echo "  it was $wanted when this was written" >&2; status=1; }
}
expect 1 g++-12
expect 25 g++-12 -fno-tree-dse -fno-dse
expect 1 g++-11
expect 25 g++-11 -fno-tree-dse -fno-dse
expect 25 clang++-14
exit $status
