"""What a compiled library says of its making: the sections ``.comment`` and ``.GCC.command.line`` of an ELF file.

Every gcc and clang writes the first. The second is there where the compiler was told `-frecord-gcc-switches`: one text
for each way in which a file of the source was compiled. The layout is that of the System V ABI, chapters "ELF Header"
and "Sections", for 64 bits and little-endian: x86-64 and arm64.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tasks.llama_build.compiler import Compiler, read_compiler

MAGIC = b"\x7fELF\x02\x01"
HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SECTION = struct.Struct("<IIQQQQIIQQ")
NO_BYTES = 8
"""SHT_NOBITS: a section that takes no room in the file."""


class NotALibraryError(ValueError):
    """Raised when a file is no 64-bit little-endian ELF file, or is cut short."""


@dataclass(frozen=True, slots=True)
class Built:
    """What a library was made with: the compiler, if it says, and its command lines, none if they were not recorded."""

    compiler: Compiler | None
    commands: tuple[str, ...]


def built_with(path: Path) -> Built:
    """What a library says of its making.

    Raises:
        OSError: it cannot be read.
        NotALibraryError: it is no library of this kind.
    """
    with path.open("rb") as file:
        comment = read_section(file, ".comment")
        recorded = read_section(file, ".GCC.command.line")
    return Built(read_compiler("\n".join(_texts(comment))), tuple(_texts(recorded)))


def read_section(file: BinaryIO, wanted: str) -> bytes:
    """The bytes of a section of an ELF file; none if there is no such section. Raises `NotALibraryError`."""
    header = _read(file, 0, HEADER.size)
    if not header.startswith(MAGIC):
        raise NotALibraryError("it is no 64-bit little-endian ELF file")
    *_, offset, _, _, _, _, size, count, names_at = HEADER.unpack(header)
    sections = [SECTION.unpack_from(_read(file, offset + at * size, SECTION.size)) for at in range(count)]
    if names_at >= len(sections):
        return b""
    names = _content(file, sections[names_at])
    for section in sections:
        if names[section[0] :].partition(b"\0")[0] == wanted.encode():
            return _content(file, section)
    return b""


def _content(file: BinaryIO, section: tuple[int, ...]) -> bytes:
    _, kind, _, _, offset, size, *_ = section
    return b"" if kind == NO_BYTES else _read(file, offset, size)


def _read(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    content = file.read(size)
    if len(content) < size:
        raise NotALibraryError("it is cut short")
    return content


def _texts(section: bytes) -> list[str]:
    return [text.decode(errors="replace") for text in section.split(b"\0") if text]
