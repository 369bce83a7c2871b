"""Whether a Python is new enough, said before anything is installed: `python3 -m tasks.llama_build.interpreter`.

It has to run on the Pythons that it refuses, so it uses nothing that is new.
"""

from __future__ import annotations

import sys

OLDEST = (3, 11)
"""`requires-python` in pyproject.toml, which pip would say only after llama.cpp is begun."""


def refusal(version: tuple[int, ...], in_environment: bool) -> str:
    """Why a Python cannot be used, and what to do; '' if it can.

    `in_environment`: whether it is the one of an environment, which has to be made again with another.
    """
    if version >= OLDEST:
        return ""
    clean = "make clean && " if in_environment else ""
    needed, this = (".".join(map(str, each)) for each in (OLDEST, version))
    return f"Python {needed} or later is needed; this is {this} ({clean}make run PYTHON=python{needed})."


def check() -> str:
    """`refusal` of the Python that runs this."""
    return refusal(tuple(sys.version_info[:3]), sys.prefix != sys.base_prefix)


if __name__ == "__main__":
    sys.exit(check() or 0)
