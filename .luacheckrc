-- Rules of luacheck for tasks/ledger/lua; `python -m tests.support.lua` puts each script together first.
std = "lua51"
read_globals = { "redis", "cjson", "ARGV", "KEYS" }
max_line_length = 120
