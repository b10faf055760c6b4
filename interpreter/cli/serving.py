"""The HTTP API beside a scheduler, in one process: what ``dataflows serve`` runs.

Owns who may reach it: this machine, unless there is a token. Tokens are never on the command line, where
every process of the machine could read them.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from socket import socket

import typer
import uvloop

from dataflows.connectors.sources import Source
from interpreter.cli.options import refusing
from interpreter.cli.process import logger
from interpreter.cli.sources import sources_in
from interpreter.scheduler.scheduler import Scheduler
from interpreter.service import Token, create_app
from interpreter.service.security import is_loopback
from interpreter.service.server import Server, listen

__all__ = ["Door", "read_tokens", "run", "sources_in"]


@dataclass(frozen=True, slots=True)
class Door:
    """Where the API is reached, and by whom.

    :ivar public_url: under which callbacks are reached from outside; None: that is not said here.
    """

    host: str
    port: int
    tokens: list[Token]
    hosts: Iterable[str] | None
    origins: Iterable[str]
    sources: Mapping[str, Source]
    public_url: str | None = None

    def check(self) -> None:
        """:raises typer.BadParameter: others could reach it, and there is no token."""
        open_to_others = [name for name in (self.host, *(self.hosts or ())) if not is_loopback(name)]
        if open_to_others and not self.tokens:
            raise typer.BadParameter(
                f"{open_to_others[0]} can be reached from other machines, and there is no token: set "
                "DATAFLOWS_API_TOKENS, or name a --token-file (`python -c 'import secrets; "
                "print(secrets.token_urlsafe(32))'` makes a token)",
                param_hint="--host" if open_to_others[0] == self.host else "--allow-host",
            )

    def open(self) -> socket:
        """A listening socket. :raises typer.BadParameter: the address cannot be had."""
        try:
            return listen(self.host, self.port)
        except OSError as error:
            taken = f"{self.host}, port {self.port}, cannot be had: {error.strerror}"
            raise typer.BadParameter(taken, param_hint="--port") from None

    def public(self, listener: socket) -> str | None:
        """Where callbacks are reached: if nobody says it, and only this machine is answered, where one listens."""
        named = self.public_url or os.environ.get("DATAFLOWS_PUBLIC_URL")
        is_here = is_loopback(self.host) and not self.hosts
        return named or (_address(listener) if is_here else None)


def run(new_scheduler: Callable[[str | None], Scheduler], door: Door, served: str, stop: threading.Event) -> None:
    """Serve until ``stop`` is set, or a step asks the process to exit.

    :param new_scheduler: makes one, not open yet, that knows this public URL.
    :param served: what is served, in words.
    """
    with door.open() as listener:
        public_url = door.public(listener)
        uvloop.run(_run(new_scheduler(public_url), replace(door, public_url=public_url), listener, served, stop))


async def _run(scheduler: Scheduler, door: Door, listener: socket, served: str, stop: threading.Event) -> None:
    """The API goes first, then the scheduler."""
    async with scheduler as verbs:
        app = create_app(
            verbs,
            tokens=door.tokens,
            hosts=door.hosts,
            origins=door.origins,
            public_url=door.public_url,
            sources=door.sources,
        )
        server = Server(app)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        logger.info("serving %s; Ctrl-C stops it", served)
        logger.info("the API is at %s", _address(listener))
        if door.public_url is not None:
            logger.info("callbacks are answered at %s/callbacks/…", door.public_url.rstrip("/"))
        for place in door.sources:
            logger.info("deliveries come in at %s/hooks/%s", _address(listener), place)
        await asyncio.to_thread(scheduler.wait, stop)
        logger.info("stopping; one more signal ends it at once")
        server.stop()
        await serving


def _address(listener: socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def read_tokens(file: Path | None) -> list[Token]:
    """All that the file and the environment name; a secret that cannot be one is refused without being shown."""
    with refusing("DATAFLOWS_API_TOKENS"):
        tokens = [Token(secret) for secret in os.environ.get("DATAFLOWS_API_TOKENS", "").split()]
    with refusing("DATAFLOWS_API_READ_TOKENS"):
        secrets = os.environ.get("DATAFLOWS_API_READ_TOKENS", "").split()
        tokens += [Token(secret, read_only=True) for secret in secrets]
    with refusing("--token-file"):
        tokens += _read_tokens(file) if file is not None else []
    return tokens


def _read_tokens(file: Path) -> Iterator[Token]:
    try:
        lines = file.read_text("utf-8").splitlines()
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from None
    for line in filter(None, map(str.strip, lines)):
        word, _, rest = line.partition(" ")
        yield Token(rest.strip(), read_only=True) if word == "read-only" and rest else Token(line)
