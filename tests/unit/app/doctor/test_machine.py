"""What the doctor makes of a processor, of cores, memory and limits."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from pathlib import Path

import pytest

from app.doctor import cores, memory, open_files, processor
from app.doctor.cores import Cores
from app.doctor.finding import Finding, State
from app.doctor.memory import Need
from tasks.llama_build.processor import Processor
from tasks.machine import cgroup
from tasks.machine.memory import Room, read_room
from tasks.models.catalogue import DEMO, FAKE_PATH, Catalogue, ModelEntry, Workers

GIB = 1 << 30


def files(root: Path, texts: Mapping[str, str]) -> Path:
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_the_limits_of_a_pod_are_the_tightest_over_it(tmp_path: Path) -> None:
    root = files(
        tmp_path / "tree",
        {
            "pods/cpu.max": "400000 100000\n",
            "pods/one/cpu.max": "150000 100000\n",
            "pods/memory.max": f"{4 * GIB}\n",
            "pods/memory.current": f"{3 * GIB}\n",
            "pods/memory.stat": f"anon 5\ninactive_file {GIB}\n",
            "pods/one/memory.max": "max\n",
        },
    )
    own = files(tmp_path, {"own": "0::/pods/one\n"}) / "own"
    assert cgroup.read(own, root) == cgroup.Limits(cpus=1.5, memory=4 * GIB, memory_free=2 * GIB)


def test_limits_of_the_first_version_are_read_where_a_container_sees_its_own_folder_as_the_root(tmp_path: Path) -> None:
    root = files(
        tmp_path / "tree",
        {
            "cpu,cpuacct/cpu.cfs_quota_us": "50000\n",
            "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            "memory/memory.limit_in_bytes": f"{GIB}\n",
            "memory/memory.usage_in_bytes": f"{GIB // 4}\n",
            "memory/memory.stat": "total_inactive_file 0\n",
        },
    )
    lines = "5:cpu,cpuacct:/docker/ab\n4:memory:/docker/ab\n1:name=systemd:/\n0::/\n"
    own = files(tmp_path, {"own": lines}) / "own"
    assert cgroup.read(own, root) == cgroup.Limits(cpus=0.5, memory=GIB, memory_free=GIB - GIB // 4)


def test_no_limit_is_none(tmp_path: Path) -> None:
    root = files(
        tmp_path / "tree",
        {
            "cpu/cpu.cfs_quota_us": "-1\n",
            "memory/memory.limit_in_bytes": "9223372036854771712\n",
            "cpu.max": "max 100000",
        },
    )
    own = files(tmp_path, {"own": "2:cpu:/\n1:memory:/\n0::/\n"}) / "own"
    assert cgroup.read(own, root) == cgroup.Limits()
    assert cgroup.read(tmp_path / "not there", root) == cgroup.Limits()


def test_a_processor_without_avx2_is_slow_and_one_of_another_kind_is_not_asked_for_it() -> None:
    (old,) = processor.judge(Processor("x86_64", "Old", frozenset({"sse4_2", "avx"})))
    assert old.state == State.WARNING
    assert "without F16C, FMA, AVX2" in old.found
    (new,) = processor.judge(Processor("x86_64", "New", frozenset({"avx2", "fma", "f16c", "amx_int8"})))
    assert (new.state, new.found) == (State.OK, "New (F16C, FMA, AVX2, AMX INT8)")
    for other in (Processor("aarch64", "Arm", frozenset({"i8mm"})), Processor("x86_64", "Untold", frozenset())):
        assert [finding.state for finding in processor.judge(other)] == [State.OK]


def machine(**fields: float | None) -> Cores:
    return Cores(**{"logical": 8, "allowed": 8, "physical": 8, "quota": None, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cores_there", "threads", "workers", "advice"),
    [
        (machine(), None, 1, None),
        (machine(), 4, 2, None),
        (machine(), None, 2, "Set CARAVAN_THREADS=4,"),
        (machine(allowed=2), None, 1, "Set CARAVAN_THREADS=2,"),
        (machine(quota=2.5), None, 1, "Set CARAVAN_THREADS=2,"),
        (machine(quota=0.5), None, 1, "Set CARAVAN_THREADS=1,"),
        (machine(), 9, 1, "Set CARAVAN_THREADS=8,"),
        (machine(logical=2, allowed=2), 1, 3, "Start fewer workers"),
    ],
)
def test_threads_of_all_workers_fit_the_cores(
    cores_there: Cores, threads: int | None, workers: int, advice: str | None
) -> None:
    (finding,) = cores.judge(cores_there, threads=[threads or cores_there.logical] * workers)
    if advice is None:
        assert (finding.state, finding.advice) == (State.OK, "")
    else:
        assert finding.state == State.WARNING
        assert finding.advice.startswith(advice)


def test_what_limits_the_cores_is_said() -> None:
    (finding,) = cores.judge(machine(allowed=4, physical=2, quota=3.0), threads=[3])
    expected = "8 cores, 4 of them allowed by affinity (hyperthreads of 2), a quota of 3 by the control group"
    assert finding.found == f"{expected}; 3 threads each for 1 worker"


def test_workers_of_different_models_are_counted_with_their_own_threads() -> None:
    (fits,) = cores.judge(machine(), threads=[5, 2, 1])
    assert (fits.state, fits.found) == (State.OK, "8 cores; 8 threads for 3 workers")
    (too_many,) = cores.judge(machine(), threads=[6, 3])
    assert (too_many.state, too_many.advice) == (State.WARNING, "Set CARAVAN_THREADS=4, or `threads` of the models.")


@pytest.mark.parametrize(
    ("cores_there", "load", "threads", "workers", "advice"),
    [
        (machine(), 0.4, None, 1, None),
        (machine(), 4.0, 4, 1, None),
        (machine(allowed=4), 4.2, None, 1, None),
        (machine(), 4.0, None, 1, "Stop what else computes here, or set CARAVAN_THREADS=4."),
        (machine(), 4.0, 4, 2, "Stop what else computes here, or set CARAVAN_THREADS=2."),
        (machine(logical=2, allowed=2), 9.7, None, 1, "Stop what else computes here, or set CARAVAN_THREADS=1."),
        (machine(logical=2, allowed=2), 9.7, 1, 1, "Stop what else computes here. Ignore"),
    ],
)
def test_cores_that_are_busy_already_are_told(
    cores_there: Cores, load: float, threads: int | None, workers: int, advice: str | None
) -> None:
    findings = list(cores.judge_load(cores_there, load=load, threads=[threads or cores_there.logical] * workers))
    assert [finding.state for finding in findings] == [State.WARNING] * (advice is not None)
    for finding in findings:
        assert f"load of the last minute is {load:.1f} on {cores_there.logical} cores" in finding.found
        assert finding.advice.startswith(str(advice))


def test_hyperthreads_of_one_core_are_counted_once(tmp_path: Path) -> None:
    siblings = {0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"}
    files(tmp_path, {f"cpu{n}/topology/thread_siblings_list": f"{text}\n" for n, text in siblings.items()})
    assert cores.physical({0, 1, 2}, tmp_path) == 2
    assert cores.physical({9}, tmp_path) is None


@pytest.mark.parametrize(
    ("room", "state", "words"),
    [
        (
            Room(16 * GIB, 12 * GIB, limited=False),
            State.OK,
            "16 GiB, 12 GiB free; the models' workers take about 8.0 GiB",
        ),
        (Room(9 * GIB, 9 * GIB, limited=False), State.WARNING, "little is left for other programs"),
        (Room(6 * GIB, 6 * GIB, limited=True), State.FAULT, "6.0 GiB by the control group, 6.0 GiB free;"),
        (Room(6 * GIB, 6 * GIB, limited=True), State.FAULT, "more than the machine has"),
    ],
)
def test_memory_is_compared_with_what_all_workers_take(room: Room, state: State, words: str) -> None:
    (finding,) = memory.judge(room, [Need("a", 3 * GIB, 2), Need("b", 2 * GIB, 1)], on_card=False)
    assert finding.state == state
    assert words in finding.found
    assert "(a 2 x 3.0 GiB, b 2.0 GiB)" in finding.found


def test_memory_says_nothing_of_models_on_a_card() -> None:
    (finding,) = memory.judge(Room(GIB, GIB, limited=False), [Need("a", 3 * GIB, 2)], on_card=True)
    assert (finding.state, finding.found) == (State.OK, "1.0 GiB, 1.0 GiB free")


def test_a_worker_takes_its_weights_its_cache_and_the_rest(tmp_path: Path) -> None:
    gone = ModelEntry(path=str(tmp_path / "gone.gguf"))
    entries = {"demo": DEMO, "fake": ModelEntry(path=FAKE_PATH, workers=Workers(min=3, max=3)), "gone": gone}
    demo, fake = memory.needs(Catalogue(entries))
    weights = 1 << 20  # it has 1.5 MB
    cache = 8192 * 2 * 4 * 5 * 32 * 2  # tokens, keys and values, layers, heads, their size, bytes
    assert weights < demo.worker - memory.WORKER_BYTES - cache < 2 * weights
    assert (fake.worker, fake.workers, fake.total) == (memory.WORKER_BYTES, 3, 3 * memory.WORKER_BYTES)


def test_workers_that_come_and_go_must_fit_one_by_one() -> None:
    sleeps = ModelEntry(path=FAKE_PATH, workers=Workers(min=0, max=3))
    wanted = memory.needs(Catalogue({"a": sleeps, "b": sleeps}))
    (finding,) = memory.judge(Room(GIB, GIB, limited=False), wanted, on_card=False)
    assert (finding.state, "about 256 MiB" in finding.found) == (State.OK, True)
    (finding,) = memory.judge(Room(200 << 20, GIB, limited=False), wanted, on_card=False)
    assert finding.state == State.FAULT


def test_memory_is_read_from_what_linux_says(tmp_path: Path) -> None:
    path = files(tmp_path, {"meminfo": "MemTotal:  16 kB\nMemFree: 1 kB\nMemAvailable:  8 kB\nHugePages_Total: 0\n"})
    assert read_room(path / "meminfo") == Room(16 << 10, 8 << 10, limited=False)
    assert read_room(path / "none") is None
    (finding,) = memory.judge(None, [], on_card=False)
    assert finding.state == State.OK


def limit(soft: int, hard: int) -> Finding:
    (finding,) = open_files.judge(soft, hard, web_connections=2000)
    return finding


def test_open_files_are_counted_by_connections() -> None:
    assert limit(4096, 4096).state == State.OK
    assert limit(resource.RLIM_INFINITY, resource.RLIM_INFINITY).found == "no limit"
    assert limit(1024, 1 << 20).state == State.WARNING
    assert "ulimit -n 2200" in limit(1024, 1 << 20).advice
    assert "as root" in limit(1024, 1024).advice
    assert limit(64, 1 << 20).state == State.FAULT
