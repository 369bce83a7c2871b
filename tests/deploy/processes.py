"""The chart as processes: what a kubelet would make of rendered pods, on this machine.

Each container's command runs with its arguments, variables, config files and probes as they were rendered. What a
cluster would give is replaced: a mount is a folder of its own, a service's name is loopback.
"""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from tests.deploy.chart import HOUSE, Object, of_kind, pods

ENTRYPOINT = "caravan"
SERVICE = re.compile(r"\bcaravan-(?:redis|web|flower)(?:\.[a-z0-9-]+\.svc)?(?=:)")


class Container:
    """One container of one pod."""

    def __init__(self, cluster: Cluster, pod_name: str, pod: Object, spec: Object) -> None:
        self.name, self.spec, self.pod = f"{pod_name}/{spec['name']}", spec, pod
        self._cluster, self._pod_name = cluster, pod_name
        self._log: IO[bytes] = (cluster.folder / f"{pod_name}-{spec['name']}.log").open("ab")
        self._mounts = {
            mount["mountPath"]: cluster.volume(pod_name, pod, mount["name"]) for mount in spec.get("volumeMounts", [])
        }
        self.env = self._environment()
        self._process: subprocess.Popen[bytes] | None = None
        for path in self._mounts.values():
            for file in path.iterdir():
                if file.suffix == ".conf":
                    file.write_text(self.here(file.read_text()))

    def here(self, text: str) -> str:
        """A text with this machine's folders and addresses in the place of the pod's."""
        paths = "|".join(re.escape(path) for path in sorted(self._mounts, key=len, reverse=True))
        moved = re.sub(
            rf"(?<![\w/.-])({paths})(?=[/\s]|$)", lambda match: str(self._mounts[match[1]]), text, flags=re.MULTILINE
        )
        return SERVICE.sub("127.0.0.1", moved)

    def _environment(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for variable in self.spec.get("env", []):
            if "value" in variable:
                value = str(variable["value"])
            elif "secretKeyRef" in variable["valueFrom"]:
                value = self._cluster.secret(**variable["valueFrom"]["secretKeyRef"])
            else:
                assert variable["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
                value = self._pod_name
            found[variable["name"]] = self.here(_expand(value, found))
        return found

    def command(self, given: list[str] | None = None) -> list[str]:
        words = given or [*self.spec.get("command", [ENTRYPOINT]), *self.spec.get("args", [])]
        return [self.here(_expand(word, self.env)) for word in words]

    def run(self, words: list[str] | None = None, *, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """A command within the container, to its end; its own, if none is given."""
        return subprocess.run(
            self.command(words), env=self._all_env(), capture_output=True, text=True, timeout=seconds, check=False
        )

    def start(self) -> None:
        self._process = subprocess.Popen(
            self.command(), env=self._all_env(), stdout=self._log, stderr=self._log, start_new_session=True
        )

    def probe(self, kind: str) -> bool:
        """Whether a probe of the container succeeds just now."""
        probe = self.spec[kind]
        if "exec" in probe:
            return self.run(probe["exec"]["command"], seconds=probe["timeoutSeconds"] * 4).returncode == 0
        ports = {port["name"]: port["containerPort"] for port in self.spec["ports"]}
        url = f"http://127.0.0.1:{ports[probe['httpGet']['port']]}{probe['httpGet']['path']}"
        try:
            with urllib.request.urlopen(url, timeout=probe["timeoutSeconds"]):
                return True
        except urllib.error.HTTPError as exc:  # an answer, and so a connection to close
            exc.close()
            return False
        except OSError:
            return False

    def await_startup(self) -> None:
        """As long as the startup probe grants."""
        probe = self.spec["startupProbe"]
        deadline = time.monotonic() + min(120, probe["failureThreshold"] * probe["periodSeconds"])
        while not self.probe("startupProbe"):
            assert self._process is not None
            assert self._process.poll() is None, f"{self.name} ended: {self.output()}"
            assert time.monotonic() < deadline, f"{self.name} did not start: {self.output()}"
            time.sleep(0.2)

    def stop(self) -> int:
        """As a kubelet does it: the hook, SIGTERM, and no more than the pod's grace; the exit status."""
        assert self._process is not None
        if hook := self.spec.get("lifecycle", {}).get("preStop"):
            assert self.run(hook["exec"]["command"]).returncode == 0
        self._process.terminate()
        return self._process.wait(self.pod.get("terminationGracePeriodSeconds", 30))

    def kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)
        self._log.close()

    def output(self) -> str:
        return Path(self._log.name).read_text(errors="replace")[-4000:]

    def _all_env(self) -> dict[str, str]:
        """Nothing of this machine's but where programs are: a variable that the chart forgets is missing here too."""
        paths = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        return {"PATH": paths, "PYTHONPATH": str(HOUSE), **self._cluster.extra_env, **self.env}


class Cluster:
    """The containers of a rendered release."""

    def __init__(self, objects: list[Object], folder: Path, *, extra_env: Mapping[str, str]) -> None:
        self.folder, self.extra_env = folder, dict(extra_env)
        self._secrets, self._maps = of_kind(objects, "Secret"), of_kind(objects, "ConfigMap")
        self._volumes: dict[tuple[str, str], Path] = {}
        self.containers: dict[str, Container] = {}
        self.init_containers: dict[str, Container] = {}
        for name, pod in pods(objects).items():
            for spec in pod.get("initContainers", []):
                self.init_containers[name] = Container(self, name, pod, spec)
            (spec,) = pod["containers"]
            self.containers[name] = Container(self, name, pod, spec)

    def secret(self, name: str, key: str) -> str:
        return base64.b64decode(self._secrets[name]["data"][key]).decode()

    def volume(self, pod_name: str, pod: Object, name: str) -> Path:
        """A folder: that of the pod's volume, with the files of a ConfigMap; a claim is one folder for all its pods."""
        if (pod_name, name) in self._volumes:
            return self._volumes[pod_name, name]
        volume: dict[str, Any] = next((each for each in pod["volumes"] if each["name"] == name), {})
        claim = volume.get("persistentVolumeClaim", {}).get("claimName")
        folder = self.folder / "claims" / claim if claim else self.folder / pod_name / name
        folder.mkdir(parents=True, exist_ok=claim is not None)
        if "configMap" in volume:
            for file, text in self._maps[volume["configMap"]["name"]]["data"].items():
                (folder / file).write_text(text)
        self._volumes[pod_name, name] = folder
        return folder

    def close(self) -> None:
        for container in (*self.containers.values(), *self.init_containers.values()):
            container.kill()


def _expand(text: str, variables: Mapping[str, str]) -> str:
    """`$(NAME)`, as Kubernetes does it: of variables that stand before, others are left alone."""
    return re.sub(r"\$\((\w+)\)", lambda match: variables.get(match[1], match[0]), text)
