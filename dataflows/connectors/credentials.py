"""Where a connector finds its address and its secrets, and how these are kept from leaking.

Owns the reading of the environment and the wrapping of secrets. Knows no service.
"""

from __future__ import annotations

import os
from typing import NoReturn
from urllib.parse import urlsplit

from dataflows.errors import PermanentError

__all__ = ["Secret", "base_url", "setting"]

MASK = "***"


class Secret:
    """A token or password: shown as stars, never stored, taken out of any text that repeats it.

    :param what: what it is, for messages: ``"the ClickUp token"``.
    :raises ValueError: it is empty, or has characters that no HTTP header can carry. The message does not repeat it.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str, what: str = "a secret") -> None:
        if not text or not text.isascii() or not text.isprintable() or " " in text:
            raise ValueError(f"{what} must be printable ASCII without blanks; check how it was copied")
        self._text = text

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is never stored: read it from the environment, or build the connection in the step")

    def reveal(self) -> str:
        """The text itself, to be given to a service and to nobody else."""
        return self._text

    def hide_in(self, text: str) -> str:
        """The text with every appearance of the secret replaced by stars."""
        return text.replace(self._text, MASK)


def setting(name: str, default: str | None = None) -> str:
    """The environment variable of that name.

    :raises PermanentError: it is unset or empty, and there is no default.
    """
    value = os.environ.get(name) or default
    if value is None:
        raise PermanentError(
            f"{name} is not set in the environment where the step runs; set it, or use a client object"
        )
    return value


def base_url(url: str) -> str:
    """The address under which a service's paths begin, without a slash at its end.

    :raises ValueError: it is no http(s) address, or carries a password, a query or a fragment.
    """
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"the address of {parts.hostname} holds a user or password; pass the token by itself")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"not an http or https address: {url!r}")
    if parts.query or parts.fragment:
        raise ValueError(f"a base address has no query and no fragment: {url!r}")
    return url.rstrip("/")
