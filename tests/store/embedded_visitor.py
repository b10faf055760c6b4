"""A process that uses an embedded PostgreSQL, told what to do line by line: the other half of test_embedded.py.

It is started as ``embedded_visitor.py [UID GID]``. Each line on standard input is a JSON array of a verb
and its arguments; each answer is one JSON object with ``answer``, or with ``error`` and ``message``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

import psycopg

from interpreter.embedded import EmbeddedPostgres


class Visitor:
    _server: EmbeddedPostgres

    def enter(self, home: str) -> None:
        self._server = EmbeddedPostgres(home)

    def start(self) -> str:
        return self._server.start()

    def close(self, stop_if_last: bool = True) -> None:
        self._server.close(stop_if_last=stop_if_last)

    def query(self, text: str) -> list[Any]:
        """The first row; every query is a transaction and a connection of its own."""
        with psycopg.connect(self._server.conninfo) as connection:
            cursor = connection.execute(text.encode())
            return list(cursor.fetchone() or ()) if cursor.description else []

    def fork(self) -> int:
        """A child that stays until it is killed; answers its process id when it is up."""
        its_end, our_end = os.pipe()
        if (child := os.fork()) == 0:
            os.write(our_end, b"up")
            signal.pause()
        os.read(its_end, 2)
        return child

    def fork_and_close(self) -> None:
        """A child that closes what it inherited, and ends."""
        if (child := os.fork()) == 0:
            self.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0


def become(uid: int, gid: int) -> None:
    """Only now: what is imported above may lie in folders that are closed to that user."""
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def main(*ids: str) -> None:
    if ids:
        become(*map(int, ids))
    visitor = Visitor()
    for line in sys.stdin:
        verb, *arguments = json.loads(line)
        try:
            answer = {"answer": getattr(visitor, verb)(*arguments)}
        except Exception as error:
            answer = {"error": type(error).__name__, "message": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
