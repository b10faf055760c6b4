"""What is asked of a service, and whether it may be asked twice. Pure: it has no socket."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from dataflows.errors import PermanentError

__all__ = ["Request"]

IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a service.

    :ivar path: below the base address, beginning with a slash, already quoted; it may have a query.
    :ivar query: the query, instead of one in the path.
    :ivar content: sent as JSON; None for no body.
    :ivar look_again: statuses that are final, yet worth a quick second look.
    :ivar not_yet: statuses that say that the same request is still being carried out.
    :ivar headers: sent beside those of the connection.
    :ivar media_type: of the content.
    :ivar is_idempotent: whether twice does what once does; None for what its method says.
    :ivar is_guarded: whoever sends it looks first whether it was carried out, each time that the step is tried.
    """

    method: str
    path: str
    query: Mapping[str, str] | None = None
    content: Any = None
    look_again: Collection[int] = ()
    not_yet: Collection[int] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"
    is_idempotent: bool | None = None
    is_guarded: bool = False

    @property
    def may_be_repeated(self) -> bool:
        """Whether to send it twice does no harm."""
        return self.method in IDEMPOTENT_METHODS if self.is_idempotent is None else self.is_idempotent

    @property
    def may_be_tried_again(self) -> bool:
        """Whether the step that sends it may be tried again when its outcome is unknown."""
        return self.may_be_repeated or self.is_guarded

    def body(self) -> bytes | None:
        """The content as it is sent.

        :raises PermanentError: it cannot be written as JSON.
        """
        if self.content is None:
            return None
        try:
            return json.dumps(self.content, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
        except (TypeError, ValueError, RecursionError) as error:
            reason = str(error)
        raise PermanentError(f"{self} was not sent, since its content is no JSON: {reason}")

    def __str__(self) -> str:
        return f"{self.method} {self.path.partition('?')[0]}"  # a query may hold what lets its holder in
