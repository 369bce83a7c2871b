"""What the doctor makes of graphics cards."""

from __future__ import annotations

from pathlib import Path

from app.doctor import gpus
from app.doctor.finding import Finding, State
from app.doctor.gpus import Card, Cards

H100 = Card("NVIDIA H100", 80 << 30, "570.1")
WITH_DRIVER = Cards(on_bus=("NVIDIA",), devices=("/dev/nvidia0",), driver="570.1", known=(H100,))


def judged(cards: Cards, built_for: tuple[str, ...] = (), *, layers: int = -1) -> Finding:
    (finding,) = gpus.judge(cards, built_for, layers=layers)
    return finding


def test_no_card_is_well() -> None:
    assert (judged(Cards()).state, judged(Cards()).found) == (State.OK, "none found; models run on the processor")


def test_a_card_that_llama_was_built_for_is_used() -> None:
    finding = judged(WITH_DRIVER, ("cuda",))
    assert (finding.state, finding.found) == (
        State.OK,
        "NVIDIA H100 (80 GiB), driver 570.1; llama.cpp is built for CUDA",
    )
    assert gpus.uses_card(WITH_DRIVER, ("cuda",), layers=-1)
    assert not gpus.uses_card(WITH_DRIVER, ("cuda",), layers=0)
    assert "0 layers (CARAVAN_GPU_LAYERS, gpu_layers) keep" in judged(WITH_DRIVER, ("cuda",), layers=0).found


def test_a_card_that_llama_was_not_built_for_is_a_warning() -> None:
    finding = judged(WITH_DRIVER)
    assert finding.state == State.WARNING
    assert "models run on the processor" in finding.found
    assert "-DGGML_CUDA=on" in finding.advice
    assert not gpus.uses_card(WITH_DRIVER, (), layers=-1)
    assert judged(WITH_DRIVER, ("hip",)).state == State.WARNING


def test_a_container_without_nvidia_smi_knows_its_card_by_its_driver() -> None:
    cards = Cards(devices=("/dev/nvidia0",), driver="570.1")
    assert judged(cards, ("cuda",)).found == "a card of NVIDIA, driver 570.1; llama.cpp is built for CUDA"


def test_cards_of_others_are_known_by_their_device_files() -> None:
    amd = Cards(on_bus=("AMD",), devices=("/dev/dri/renderD128", "/dev/kfd"))
    assert "-DGGML_HIP=on" in judged(amd).advice
    assert judged(amd, ("vulkan",)).state == State.OK
    intel = Cards(on_bus=("Intel",), devices=("/dev/dri/renderD128",))
    assert judged(intel, ("sycl",)).state == State.OK


def test_a_build_for_a_card_that_is_not_here_is_a_warning() -> None:
    finding = judged(Cards(), ("cuda",))
    assert (finding.state, "built for CUDA" in finding.found) == (State.WARNING, True)


def test_a_card_without_a_driver_is_told_of() -> None:
    finding = judged(Cards(on_bus=("NVIDIA",)))
    assert (finding.state, finding.found.startswith("a card of NVIDIA without a driver")) == (State.OK, True)


def test_a_broken_driver_is_a_fault_where_it_is_needed() -> None:
    cards = Cards(on_bus=("NVIDIA",), trouble="Driver/library version mismatch")
    assert judged(cards, ("cuda",)).state == State.FAULT
    assert judged(cards).state == State.WARNING
    assert "Driver/library version mismatch" in judged(cards).found
    assert judged(Cards(trouble="no devices were found")).state == State.OK


def test_a_line_of_nvidia_smi_is_a_card() -> None:
    assert gpus.parse_card("NVIDIA H100 80GB HBM3, 81559, 570.133.20") == Card(
        "NVIDIA H100 80GB HBM3", 81559 << 20, "570.133.20"
    )
    assert gpus.parse_card("NVIDIA GB10, [N/A], 580.1") == Card("NVIDIA GB10", 0, "580.1")
    assert gpus.parse_card("No devices were found") is None


def test_cards_are_read_from_what_the_kernel_shows(tmp_path: Path) -> None:
    texts = {
        "sys/bus/pci/devices/0/class": "0x030200",
        "sys/bus/pci/devices/0/vendor": "0x10de",
        "sys/bus/pci/devices/1/class": "0x020000",
        "sys/bus/pci/devices/1/vendor": "0x8086",
        "dev/nvidia0": "",
        "dev/nvidiactl": "",
        "dev/dri/renderD128": "",
        "proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    expected = Cards(on_bus=("NVIDIA",), devices=["/dev/dri/renderD128", "/dev/nvidia0"], driver="550.54.15")
    assert gpus.read(tmp_path) == expected
    assert gpus.read(tmp_path / "none") == Cards(devices=[])
