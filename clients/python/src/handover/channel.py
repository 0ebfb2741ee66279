"""The connection: where the server is, and how it is trusted."""

from __future__ import annotations

import os
import pathlib
import re
import stat
from dataclasses import dataclass

import grpc

from handover.environment import variable

OPTIONS: list[tuple[str, int]] = [
    # The client notices when the other side is gone, the server or something between.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # One connection carries 1,024 calls; a client of its own has a connection of its own.
    ("grpc.use_local_subchannel_pool", 1),
]


@dataclass(frozen=True)
class Tls:
    """The files of TLS, in PEM."""

    ca: str | os.PathLike[str] | None = None
    """Authorities that may have issued the server's certificate; none: those that gRPC brings."""
    cert: str | os.PathLike[str] | None = None
    """Certificate of this client, if the server requires one."""
    key: str | os.PathLike[str] | None = None
    """Its key. Only its owner may have access to the file."""

    @staticmethod
    def from_environment() -> Tls:
        """The files that HANDOVER_TLS_CA, HANDOVER_TLS_CERT and HANDOVER_TLS_KEY name, as the commands have them."""
        ca, cert, key = (variable(f"HANDOVER_TLS_{name}") for name in ("CA", "CERT", "KEY"))
        return Tls(ca, cert, key)

    def is_set(self) -> bool:
        """Whether any file is named."""
        return any((self.ca, self.cert, self.key))

    def credentials(self) -> grpc.ChannelCredentials:
        """Reads the files."""
        if bool(self.cert) != bool(self.key):
            raise ValueError("TLS: a certificate and its key have to be given together")
        ca, cert = (pathlib.Path(path).read_bytes() if path else None for path in (self.ca, self.cert))
        key = private(self.key) if self.key else None
        return grpc.ssl_channel_credentials(ca, key, cert)


def private(path: str | os.PathLike[str]) -> bytes:
    """What is in a file that only its owner may have access to."""
    with open(path, "rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & 0o077:
            raise PermissionError(f"{os.fspath(path)}: others have access to it (mode {mode:o}); chmod 600 takes it away")
        return file.read()


LOOPBACK = re.compile(r"(localhost|127(\.\d+){3}|\[::1\]):\d+")
"""Addresses that no other machine sees calls to."""


ADDRESS = re.compile(r"[^\s/]+")


def parsed(server: str) -> tuple[str, str]:
    """The scheme of an address, `http` if it has none, and the rest."""
    scheme, found, address = server.strip().rpartition("://")
    if found and scheme not in ("http", "https"):
        raise ValueError(f"{server}: an address begins with http:// or https://")
    address = address.rstrip("/")
    if not ADDRESS.fullmatch(address):
        raise ValueError(f"{server!r} is no address of a server: https://HOST:PORT, http://HOST:PORT or HOST:PORT")
    return scheme or "http", address


def connect(server: str, tls: Tls, has_token: bool) -> grpc.Channel:
    """A channel to `http://HOST:PORT`, `https://HOST:PORT` or `HOST:PORT`; nothing is sent yet.

    Certificates are never passed over: with them the address has to begin with `https://`. A token leaves the machine by TLS only.
    """
    scheme, address = parsed(server)
    if scheme == "https":
        return grpc.secure_channel(address, tls.credentials(), OPTIONS)
    if tls.is_set():
        raise ValueError(f"{server}: certificates are given, so the address has to begin with https://")
    if has_token and not LOOPBACK.fullmatch(address):
        raise ValueError(f"{server}: a token would be sent in plain text; the address of a server with TLS begins with https://")
    return grpc.insecure_channel(address, OPTIONS)
