"""Opens callbacks: gives each its URL, and has that journaled together with the row by which it is found.

Owns that a callback is opened only where it is known how it is reached from outside. Until its entry is committed
nobody knows the URL, so one that a crash leaves behind is nowhere.
"""

from __future__ import annotations

from collections.abc import Callable

from interpreter.machine import CallbackOpened, OpenCallback, format_position
from interpreter.operations import new_url, question_of
from interpreter.scheduler.held import Held
from interpreter.store.records import Opening

__all__ = ["Callbacks"]


class Callbacks:
    """Used on the driver's thread.

    :param public_url: under which the service is reached; None: that is not known here.
    :param place: proposes a fact, with the callback that it opens.
    :param block: called with an execution that cannot go on here, and why.
    """

    def __init__(
        self,
        public_url: str | None,
        place: Callable[[Held, CallbackOpened, Opening], None],
        block: Callable[[Held, str], None],
    ) -> None:
        self._public_url = public_url
        self._place = place
        self._block = block

    def open(self, held: Held, action: OpenCallback) -> None:
        """Give it a URL."""
        if self._public_url is None:
            self._block(held, _unreachable(action))
            return
        command = action.command
        url, digest = new_url(self._public_url)
        opened = CallbackOpened(action.position, action.name, action.branch, url=url)
        self._place(held, opened, Opening(digest, command.name, question_of(command), command.valid_for))


def _unreachable(action: OpenCallback) -> str:
    return (
        f"callback {action.name!r} at {format_position(action.position)}: the scheduler does not know under which URL "
        "the service is reached from outside. Say it by DATAFLOWS_PUBLIC_URL=https://…, --public-url, or "
        "Scheduler(public_url=…), then resume the execution"
    )
