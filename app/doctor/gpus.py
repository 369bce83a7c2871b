"""Graphics cards, their drivers, and whether llama.cpp was built to use them.

A card is seen on the PCI bus even without a driver; a container sees the bus of its machine, and of cards what it was
given. So a card without a driver is no fault.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from app.doctor.finding import Finding, fault, ok, warning
from tasks.byte_sizes import size

CHECK = "gpus"
BACKENDS = {"cuda": "CUDA", "hip": "ROCm", "vulkan": "Vulkan", "sycl": "SYCL", "metal": "Metal", "musa": "MUSA"}
"""What ggml calls its libraries for cards, and what people call them."""
NVIDIA, AMD, INTEL = "NVIDIA", "AMD", "Intel"
BUILD = {NVIDIA: "-DGGML_CUDA=on", AMD: "-DGGML_HIP=on", INTEL: "-DGGML_VULKAN=on"}
"""What to build llama.cpp with, for cards of whom."""
SERVED_BY = {NVIDIA: {"cuda", "vulkan"}, AMD: {"hip", "vulkan"}, INTEL: {"sycl", "vulkan"}}
_VENDORS = {"0x10de": NVIDIA, "0x1002": AMD, "0x8086": INTEL}
_DISPLAY, _ACCELERATOR = "0x03", "0x12"
"""Classes of PCI devices."""
_ASK_SECONDS = 20.0
_QUERY = ["--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits"]


@dataclass(frozen=True, slots=True)
class Card:
    """One that its driver knows."""

    name: str
    memory: int
    """Bytes."""
    driver: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cards:
    """What this machine shows of its cards."""

    on_bus: Collection[str] = ()
    """Whose cards are on the PCI bus."""
    devices: Collection[str] = ()
    """Device files of drivers."""
    driver: str = ""
    """NVIDIA's kernel driver; empty if it is not loaded."""
    known: tuple[Card, ...] = ()
    """What nvidia-smi lists."""
    trouble: str = ""
    """What nvidia-smi said instead."""


def read(root: Path = Path("/")) -> Cards:
    """What there is, asked of the kernel and of nvidia-smi. Nothing that is missing raises."""
    known, trouble = _ask_nvidia() if root == Path("/") else ((), "")
    return Cards(
        on_bus=_on_bus(root / "sys/bus/pci/devices"),
        devices=sorted(
            f"/dev/{path.relative_to(root / 'dev')}"
            for pattern in ("nvidia[0-9]*", "kfd", "dri/renderD*", "dxg")
            for path in (root / "dev").glob(pattern)
        ),
        driver=_kernel_driver(root / "proc/driver/nvidia/version"),
        known=known,
        trouble=trouble,
    )


def judge(cards: Cards, built_for: Collection[str], *, layers: int) -> Iterator[Finding]:
    """Whether the cards there are will be used.

    Args:
        built_for: ggml's names of cards' libraries that llama.cpp was built with.
        layers: how many of a model are to lie on them; -1 is all.
    """
    built = ", ".join(BACKENDS[name] for name in sorted(built_for)) or "processors alone"
    if cards.trouble and (cards.driver or NVIDIA in cards.on_bus or "cuda" in built_for):
        trouble = f"nvidia-smi fails: {cards.trouble}"
        advice = "Install NVIDIA's driver again, or restart the machine: driver and library must have the same version."
        yield fault(CHECK, trouble, advice) if "cuda" in built_for else warning(CHECK, trouble, advice)
        return
    vendors = _usable(cards)
    if not vendors:
        yield from _without_cards(cards, built_for, built)
        return
    found = f"{_described(cards, vendors)}; llama.cpp is built for {built}"
    if not any(SERVED_BY[vendor].intersection(built_for) for vendor in vendors):
        yield warning(
            CHECK,
            f"{found}, so models run on the processor",
            f'Build llama.cpp for it: set CMAKE_ARGS="{BUILD[vendors[0]]}" before you install it (docs/install.md).',
        )
    elif layers == 0:
        yield ok(CHECK, f"{found}; 0 layers (CARAVAN_GPU_LAYERS, gpu_layers) keep models on the processor")
    else:
        yield ok(CHECK, found)


def uses_card(cards: Cards, built_for: Collection[str], *, layers: int) -> bool:
    """Whether models lie on a card, and not in the machine's memory."""
    return layers != 0 and any(SERVED_BY[vendor].intersection(built_for) for vendor in _usable(cards))


def _without_cards(cards: Cards, built_for: Collection[str], built: str) -> Iterator[Finding]:
    real = [vendor for vendor in (NVIDIA, AMD) if vendor in cards.on_bus]
    if built_for:
        yield warning(
            CHECK,
            f"llama.cpp is built for {built}, and no card's driver is here: models run on the processor",
            "Install the driver; in a container, start it with the card (docker run --gpus all).",
        )
    elif real:
        yield ok(CHECK, f"a card of {' and '.join(real)} without a driver here; models run on the processor")
    else:
        yield ok(CHECK, "none found; models run on the processor")


def _usable(cards: Cards) -> list[str]:
    """Whose cards have a driver here."""
    devices = " ".join(cards.devices)
    vendors = [NVIDIA] if cards.known or (cards.driver and "/dev/nvidia" in devices) else []
    if "/dev/kfd" in devices:
        vendors.append(AMD)
    if INTEL in cards.on_bus and "/dev/dri/renderD" in devices and not vendors and AMD not in cards.on_bus:
        vendors.append(INTEL)
    return vendors


def _described(cards: Cards, vendors: list[str]) -> str:
    if cards.known:
        names = ", ".join(f"{card.name} ({size(card.memory)})" for card in cards.known)
        return f"{names}, driver {cards.known[0].driver}"
    driver = f", driver {cards.driver}" if cards.driver else ""
    return f"a card of {' and '.join(vendors)}{driver}"


def _on_bus(devices: Path) -> tuple[str, ...]:
    vendors = set()
    for device in devices.glob("*"):
        try:
            kind, vendor = (device / "class").read_text().strip(), (device / "vendor").read_text().strip()
        except OSError:
            continue
        if kind.startswith((_DISPLAY, _ACCELERATOR)) and vendor in _VENDORS:
            vendors.add(_VENDORS[vendor])
    return tuple(sorted(vendors))


def _kernel_driver(version: Path) -> str:
    try:
        text = version.read_text()
    except OSError:
        return ""
    match = re.search(r"\s(\d+(?:\.\d+)+)\s", text)
    return match[1] if match else "of an unknown version"


def _ask_nvidia() -> tuple[tuple[Card, ...], str]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return (), ""
    try:
        answer = subprocess.run(  # noqa: S603 - found on the PATH, with arguments of our own
            [program, *_QUERY], capture_output=True, text=True, timeout=_ASK_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        return (), str(exc)
    if answer.returncode:
        return (), " ".join((answer.stdout + answer.stderr).split())
    return tuple(card for line in answer.stdout.splitlines() if (card := parse_card(line))), ""


def parse_card(line: str) -> Card | None:
    """A line of nvidia-smi's: the name, mebibytes, the driver's version. None if it is another text."""
    name, _, rest = line.partition(",")
    memory, _, driver = rest.partition(",")
    if not driver.strip():
        return None
    # What shares the machine's memory has none of its own: "[N/A]".
    return Card(name.strip(), int(memory) << 20 if memory.strip().isdecimal() else 0, driver.strip())
