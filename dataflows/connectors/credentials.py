"""Where a connector finds its address and its secrets, and how these are kept from leaking.

Owns the reading of the environment and the wrapping of secrets. Knows no service. A secret is
text only for as long as it takes to wrap it, so that no traceback with local variables shows it.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar, overload
from urllib.parse import quote, urlsplit

from dataflows.errors import PermanentError

__all__ = [
    "Credential",
    "Secret",
    "SecretHeader",
    "address_setting",
    "base_url",
    "basic_login",
    "secret_setting",
    "setting",
]

T = TypeVar("T")

MASK = "***"


class Secret:
    """A token or password: shown as stars, never stored, taken out of any text that repeats it.

    :param what: what it is, for messages: ``"the ClickUp token"``.
    :raises ValueError: it is empty, or has characters that no HTTP header can carry. The message does not repeat it.
    """

    __slots__ = ("_spellings", "_text")

    def __init__(self, text: str, what: str = "a secret") -> None:
        if not text or not text.isascii() or not text.isprintable() or " " in text:
            del text
            raise ValueError(f"{what} must be printable ASCII without blanks; check how it was copied")
        self._text = text
        self._spellings = _spellings(text)

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is never stored: read it from the environment, or build the connection in the step")

    def reveal(self) -> str:
        """The text itself, to be given to a service and to nobody else."""
        return self._text

    def hide_in(self, text: str) -> str:
        """The text with every appearance of the secret replaced by stars; also as JSON or an address spells it."""
        for spelling in self._spellings:
            text = text.replace(spelling, MASK)
        return text


def _spellings(text: str) -> tuple[str, ...]:
    in_json = json.dumps(text)[1:-1]
    found = {text, in_json, in_json.replace("/", "\\/"), quote(text, safe="")}
    return tuple(sorted(found, key=len, reverse=True))


@dataclass(frozen=True, slots=True)
class SecretHeader:
    """A header whose value nobody is to see: ``Authorization: Bearer ***``.

    :ivar prefix: what stands before the secret.
    :ivar also: a further secret that the value is made from, to be hidden too.
    """

    name: str
    secret: Secret
    prefix: str = ""
    also: Secret | None = None

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """All that is to be hidden."""
        return (self.secret,) if self.also is None else (self.secret, self.also)

    def reveal(self) -> str:
        """The value itself."""
        return self.prefix + self.secret.reveal()


def basic_login(user: str, password: Secret) -> SecretHeader:
    """``Authorization: Basic …`` of a user, who may be "", and a password."""
    encoded = base64.b64encode(f"{user}:{password.reveal()}".encode()).decode()
    return SecretHeader("Authorization", Secret(encoded), "Basic ", password)


@dataclass(frozen=True, slots=True)
class Credential:
    """Which secret a call is to be made with: the *name* of an environment variable, which may be stored.

    The variable is read where the step runs, each time that it runs::

        yield from step("order", partial(http.get, url, credential=Credential("SHOP_TOKEN")))
        Credential("SHOP_KEY", header="X-Api-Key", prefix="")  # X-Api-Key: …
        Credential("SHOP_PASSWORD", user="ada")                # Authorization: Basic …

    A secret in an address is no secret: addresses are logged.

    :ivar variable: the environment variable that holds the token, key or password.
    :ivar header: the header that it is sent in.
    :ivar prefix: what stands before it there.
    :ivar user: whose password it is; then it is sent as Basic, whatever ``header`` and ``prefix`` are.
    """

    variable: str
    header: str = "Authorization"
    prefix: str = "Bearer "
    user: str | None = None

    def read(self) -> SecretHeader:
        """The header to be sent.

        :raises PermanentError: the variable is not set, or holds what no header can carry.
        """
        secret = secret_setting(self.variable)
        return SecretHeader(self.header, secret, self.prefix) if self.user is None else basic_login(self.user, secret)


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


def address_setting(name: str, default: str | None = None) -> str:
    """The address in the environment variable of that name, as ``base_url`` gives it.

    :raises PermanentError: it is unset or empty and there is no default, or is no base address.
    """
    try:
        return base_url(setting(name, default))
    except ValueError as error:
        reason = str(error)
    raise PermanentError(f"{name}: {reason}")


@overload
def secret_setting(name: str) -> Secret: ...
@overload
def secret_setting(name: str, wrap: Callable[[str], T]) -> T: ...
def secret_setting(name: str, wrap: Callable[[str], Any] | None = None) -> Any:
    """The secret in the environment variable of that name, wrapped.

    :raises PermanentError: it is unset or empty, or holds what no header can carry.
    """
    try:
        return wrap(setting(name)) if wrap else Secret(setting(name), name)
    except ValueError as error:
        reason = str(error)
    raise PermanentError(reason)


def base_url(url: str) -> str:
    """The address under which a service's paths begin, without a slash at its end.

    :raises ValueError: it is no http(s) address, or carries a password, a query or a fragment.
    """
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        host = parts.hostname
        del url, parts
        raise ValueError(f"the address of {host} holds a user or password; pass the token by itself")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError(f"not an http or https address: {url!r}")
    if parts.query or parts.fragment:
        raise ValueError(f"a base address has no query and no fragment: {url!r}")
    return url.rstrip("/")
