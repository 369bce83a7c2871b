"""The command: `python -m tasks.llama_build install | wheel | show`."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from tasks.llama_build import interpreter
from tasks.llama_build.compiler import NoCompilerError
from tasks.llama_build.install import install, make_wheel, plan
from tasks.llama_build.rules import RULES, UnfitCompilerError
from tasks.llama_build.wheel import BuildFailedError

LOCK = Path("requirements.lock")


def main() -> int:
    """Run the command; its exit status."""
    asked = _parser().parse_args()
    try:
        if asked.command == "install":
            if refused := interpreter.check():
                raise BuildFailedError(refused)
            install(asked.requirements, project=Path(), wheels=asked.wheels, environ=os.environ, stream=sys.stderr)
        elif asked.command == "wheel":
            _wheel(asked)
        else:
            _show(asked)
    except (NoCompilerError, UnfitCompilerError, BuildFailedError, OSError) as exc:
        print(exc, file=sys.stderr)  # noqa: T201 - a command
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tasks.llama_build", description="Compile llama.cpp.")
    commands = parser.add_subparsers(dest="command", required=True)
    install_ = commands.add_parser(
        "install", help="install a lock file's packages and the project into this environment"
    )
    install_.add_argument(
        "--wheels", type=Path, default=Path("deploy/wheels"), help="use a wheel of this folder, if there is one"
    )
    wheel = commands.add_parser("wheel", help="make a wheel")
    wheel.add_argument("--wheel-dir", type=Path, required=True, help="the folder for the wheel")
    show = commands.add_parser("show", help="print the options of a build on this machine, and why")
    for command in (install_, wheel, show):
        command.add_argument("--requirements", type=Path, default=LOCK, help="the lock file")
    for command in (wheel, show):
        command.add_argument("--portable", action="store_true", help="for every processor, not only for this one")
    return parser


def _wheel(asked: argparse.Namespace) -> None:
    wheel = make_wheel(plan(asked.requirements, portable=asked.portable, environ=os.environ), sys.stderr)
    asked.wheel_dir.mkdir(parents=True, exist_ok=True)
    print(shutil.copy(wheel, asked.wheel_dir))  # noqa: T201 - a command


def _show(asked: argparse.Namespace) -> None:
    recipe = plan(asked.requirements, portable=asked.portable, environ=os.environ)
    print(f"{recipe.build.compiler}, {recipe.build.processor.described}\n")  # noqa: T201 - a command
    for rule in RULES:
        if rule.applies(recipe.build):
            print(rule.why, *(f"    {line}" for line in (*rule.cmake, *rule.switches)), sep="\n")  # noqa: T201 - a command


sys.exit(main())
