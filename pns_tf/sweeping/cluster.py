"""Where the chief and the workers are, as Keras Tuner's environment variables say it."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from pns_tf.checks import InputError

ID, HOST, PORT = "KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT"
CHIEF_TIMEOUT = 120  # seconds


@dataclass(frozen=True)
class Cluster:
    """A search that several processes share.

    Attributes:
        member: name of this process; that of the chief contains "chief".
        host: name or address of the chief.
        port: where it listens.
    """

    member: str
    host: str
    port: int

    @property
    def is_chief(self) -> bool:
        return "chief" in self.member

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def check(self) -> None:
        """Raises ``InputError`` if the chief could not listen or is not there for a worker.

        A worker waits for its chief, but not longer than `CHIEF_TIMEOUT` seconds.
        """
        if self.is_chief:
            self._check_free()
        else:
            self._check_there()

    def _check_free(self) -> None:
        try:
            family, kind, *_, address = socket.getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM
            )[0]
            with socket.socket(family, kind) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        except OSError as error:
            raise InputError(
                f"the chief cannot listen at {self.address}: {error.strerror}"
            ) from error

    def _check_there(self) -> None:
        import grpc

        with grpc.insecure_channel(self.address) as channel:
            try:
                grpc.channel_ready_future(channel).result(timeout=CHIEF_TIMEOUT)
            except grpc.FutureTimeoutError as error:
                raise InputError(
                    f"no chief answers at {self.address} within {CHIEF_TIMEOUT} s"
                ) from error


def from_environment(environment: Mapping[str, str] = os.environ) -> Cluster | None:
    """The cluster that this process belongs to, or ``None``.

    Raises:
        ValueError: the variables do not make sense together.

    Example:
        >>> from_environment({ID: "chief", HOST: "10.0.0.1", PORT: "8000"}).address
        '10.0.0.1:8000'
    """
    there = [name for name in (ID, HOST, PORT) if environment.get(name)]
    if not there:
        return None
    missing = [name for name in (ID, HOST, PORT) if name not in there]
    if missing:
        raise InputError(f"{', '.join(there)} is set but not {', '.join(missing)}")
    port = environment[PORT]
    if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        raise InputError(f"{PORT} must be a port from 1 to 65535, got {port!r}")
    return Cluster(environment[ID], environment[HOST], int(port))
