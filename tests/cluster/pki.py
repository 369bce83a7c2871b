"""Certificates of a cluster of its own, by openssl: one authority for servers and clients, one for the front proxy."""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

DAYS = "30"
SERVER_NAMES = (
    "IP:127.0.0.1,DNS:localhost,DNS:kubernetes.default.svc,"
    "DNS:keda-operator.keda.svc,DNS:keda-metrics-apiserver.keda.svc,DNS:keda-admission-webhooks.keda.svc"
)


@dataclass(frozen=True, slots=True)
class Pki:
    folder: Path

    def make(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True)
        for authority in ("ca", "front-proxy-ca"):
            self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", DAYS, "-subj", f"/CN={authority}",
                          "-keyout", f"{authority}.key", "-out", f"{authority}.crt")  # fmt: skip
        self.certify("server", "/CN=caravan-tests")
        self.certify("admin", "/O=system:masters/CN=admin")
        for user in ("controller-manager", "scheduler"):
            self.certify(user, f"/CN=system:kube-{user}")
        self.certify("front-proxy", "/CN=front-proxy", authority="front-proxy-ca")
        self._openssl("genrsa", "-out", "accounts.key", "2048")
        self._openssl("rsa", "-in", "accounts.key", "-pubout", "-out", "accounts.pub")

    def certify(self, name: str, subject: str, *, authority: str = "ca") -> None:
        """A key and a certificate that serve as a server's and as a client's."""
        self._openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-subj", subject,
                      "-out", f"{name}.csr")  # fmt: skip
        (self.folder / f"{name}.ext").write_text(
            f"extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName={SERVER_NAMES}\n"
        )
        self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.crt", "-CAkey", f"{authority}.key",
                      "-CAcreateserial", "-days", DAYS, "-extfile", f"{name}.ext", "-out", f"{name}.crt")  # fmt: skip

    def path(self, file: str) -> str:
        return str(self.folder / file)

    def encoded(self, file: str) -> str:
        return base64.b64encode((self.folder / file).read_bytes()).decode()

    def kubeconfig(self, user: str, server: str) -> Path:
        """The file by which a user reaches a server."""
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "test", "cluster": {"server": server, "certificate-authority-data": self.encoded("ca.crt")}}
            ],
            "users": [
                {
                    "name": user,
                    "user": {
                        "client-certificate-data": self.encoded(f"{user}.crt"),
                        "client-key-data": self.encoded(f"{user}.key"),
                    },
                }
            ],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
            "current-context": "test",
        }
        path = self.folder / f"{user}.kubeconfig"
        path.write_text(json.dumps(config))
        return path

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)
