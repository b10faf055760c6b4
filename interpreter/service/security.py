"""Who may ask for what: tokens, and where a request may come from.

Owns both decisions. Without a token only this machine is answered, under a name of its own: neither a page
in a browser (by its ``Origin``), nor a name that points here since a moment ago (by its ``Host``), nor
another machine gets further.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

from starlette.types import Scope

from interpreter.service.problems import Problem

__all__ = ["Access", "Gate", "Token", "is_loopback", "tokens_of"]

_SHORTEST_SECRET = 16
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class Access(Enum):
    """What a route takes from its caller."""

    PROBING = "anybody, from anywhere, under any name"
    HOLDING = "whoever knows the address, which has a token of its own in it; from anywhere"
    ANYBODY = "anybody who may ask at all"
    READING = "any token"
    WRITING = "a token that is not read-only"


class Token:
    """A secret that opens the API.

    :param secret: at least 16 printable characters of ASCII, without white space.
    :param read_only: it opens only what changes nothing.
    :raises ValueError: the secret cannot be one.
    """

    __slots__ = ("_digest", "read_only")

    def __init__(self, secret: str, *, read_only: bool = False) -> None:
        if len(secret) < _SHORTEST_SECRET or not secret.isascii() or not secret.isprintable() or " " in secret:
            raise ValueError(
                f"a token has at least {_SHORTEST_SECRET} printable characters without a space; "
                "python -c 'import secrets; print(secrets.token_urlsafe(32))' makes one"
            )
        self._digest = _digest(secret.encode("ascii"))
        self.read_only = read_only

    def __repr__(self) -> str:
        return f"<token{', read-only' if self.read_only else ''}>"

    def is_opened_by(self, digest: bytes) -> bool:
        """Whether the digest is that of the secret; takes the same time for all that are not."""
        return hmac.compare_digest(self._digest, digest)


@dataclass(frozen=True, slots=True)
class Gate:
    """Decides about requests.

    :ivar tokens: none: whoever is on this machine may do everything.
    :ivar hosts: the names under which this is reached, without ports; None: without a token those of this machine,
        with one any.
    :ivar origins: of pages that may ask, like ``https://console.example``, besides those that are served here.
    :ivar public: the origin under which callbacks are reached from outside, in lower case; None: that is not known.
    """

    tokens: tuple[Token, ...] = ()
    hosts: frozenset[str] | None = None
    origins: frozenset[str] = frozenset()
    public: str | None = None

    def check(self, scope: Scope, access: Access) -> None:
        """See whether a request may use a route of this access. :raises Problem: it may not."""
        if access is Access.HOLDING:
            self._check_holder(scope)
        elif access is not Access.PROBING:
            self._check_source(scope)
            self._check_token(scope, access)

    def _check_source(self, scope: Scope) -> None:
        """Where it comes from, and under which name."""
        host = _only_one(scope, b"host")
        name = _host_name(host)
        if not self.tokens and self.hosts is None and not _comes_from_here(scope):
            raise Problem("forbidden", "Without a token only this machine is answered: give the server a token.")
        self._check_host(name, self._known_hosts)
        self._check_origin(scope, self.origins | {f"{scope['scheme']}://{host.lower()}"})

    def _check_holder(self, scope: Scope) -> None:
        """Where it comes from, if what opens the thing is in the address, which no other page and no name finds out.

        So this is also answered under the name, and by the scheme, of whoever stands before this server.
        """
        host = _only_one(scope, b"host").lower()
        public = set() if self.public is None else {self.public}
        names = {_host_name(urlsplit(origin).netloc) for origin in public}
        self._check_host(_host_name(host), None if self._known_hosts is None else self._known_hosts | names)
        self._check_origin(scope, self.origins | public | {f"http://{host}", f"https://{host}"})

    @property
    def _known_hosts(self) -> frozenset[str] | None:
        return _LOOPBACK_NAMES if self.hosts is None and not self.tokens else self.hosts

    def _check_host(self, name: str, known: frozenset[str] | None) -> None:
        if known is not None and name not in known:
            raise Problem("wrong-host", f"The host {name[:80]!a} is not served here: add it to the server's hosts.")

    def _check_origin(self, scope: Scope, known: frozenset[str]) -> None:
        origin = _only_one(scope, b"origin")
        if origin and origin.lower() not in known:
            raise Problem("forbidden", "A page of another origin asked: add that origin to the server's origins.")

    def _check_token(self, scope: Scope, access: Access) -> None:
        if access is Access.ANYBODY or not self.tokens:
            return
        scheme, _, secret = _only_one(scope, b"authorization").partition(" ")
        digest = _digest(secret.strip().encode("latin-1")) if scheme.lower() == "bearer" else b""
        opened = [token for token in self.tokens if token.is_opened_by(digest)]  # all are looked at, always
        if not opened:
            detail = "Send `Authorization: Bearer …` with one of the server's tokens."
            raise Problem("unauthorized", detail, {"WWW-Authenticate": "Bearer"})
        if access is Access.WRITING and all(token.read_only for token in opened):
            raise Problem("forbidden", "This token only reads.")


def is_loopback(host: str) -> bool:
    """Whether this name or address is one of the machine's own, that no other machine reaches."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _digest(secret: bytes) -> bytes:
    """Of one length for all secrets, so that comparing them tells nothing of theirs."""
    return hashlib.sha256(secret).digest()


def _only_one(scope: Scope, name: bytes) -> str:
    """The header's value, or "". :raises Problem: it stands there twice."""
    values: list[bytes] = [value for key, value in scope["headers"] if key.lower() == name]
    if len(values) > 1:
        raise Problem("malformed", f"The header {name.decode().title()} stands there twice.")
    return values[0].decode("latin-1") if values else ""


def _host_name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        raise Problem("malformed", "The header Host is no host.") from None


def _comes_from_here(scope: Scope) -> bool:
    client = scope.get("client")
    return client is None or is_loopback(client[0])  # no address: a socket in the file system


def tokens_of(given: Iterable[Token | str]) -> tuple[Token, ...]:
    """A text is a token that may do everything."""
    return tuple(each if isinstance(each, Token) else Token(each) for each in given)
