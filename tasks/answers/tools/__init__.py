"""The formats of tool calls, one file each; `formats` lists them."""
