"""How a delivery is proven genuine where no time stamp is involved: by a credential in a header, or by a signed body.

Owns these checks, which sources are put together from. Knows no service.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import ClassVar, TypeAlias

from dataflows.connectors.sources.delivery import Delivery
from dataflows.connectors.sources.headers import LOGGABLE
from dataflows.connectors.sources.secrets import Encoding, KeepsSecrets, Secrets
from dataflows.errors import InvalidSignature

__all__ = ["Basic", "Bearer", "Check", "HeaderToken", "SignedBody"]

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")


class Bearer(KeepsSecrets):
    """``Authorization: Bearer <token>``: whoever knows the token may send anything.

    :param tokens: at most two; with none, everything is refused.
    :raises ValueError: one is empty, or has white space at an end.
    """

    covers_headers: ClassVar[bool] = True

    def __init__(self, *tokens: str | bytes | None) -> None:
        self._secrets = Secrets(tokens, "a bearer token")

    def verify(self, delivery: Delivery) -> None:
        """As ``Source.verify``."""
        scheme, _, token = (delivery.headers.only("authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not self._secrets.include(token.strip(" ")):
            raise refusal("Authorization")


class Basic(KeepsSecrets):
    """``Authorization: Basic``, with one user and at most two passwords; with none, everything is refused.

    :raises ValueError: the user holds a colon, or a password is empty or has white space at an end.
    """

    covers_headers: ClassVar[bool] = True

    def __init__(self, user: str, *passwords: str | bytes | None) -> None:
        if ":" in user:
            raise ValueError(f"the user of Basic(...) cannot hold a colon: {user!r}")
        what = f"the password of {user}"
        Secrets(passwords, what)  # an empty one would be hidden behind the user
        joined = [None if one is None else _bytes(user) + b":" + _bytes(one) for one in passwords]
        self._secrets = Secrets(joined, what)

    def verify(self, delivery: Delivery) -> None:
        """As ``Source.verify``."""
        scheme, _, encoded = (delivery.headers.only("authorization") or "").partition(" ")
        if scheme.lower() != "basic" or not self._secrets.include(_decoded(encoded.strip(" "))):
            raise refusal("Authorization")


class HeaderToken(KeepsSecrets):
    """A token in a header of its own, which the service was told to send along.

    :param tokens: at most two; with none, everything is refused.
    :raises ValueError: ``header`` is no header's name or one that logs may show, or a token is empty or
        has white space at an end.
    """

    covers_headers: ClassVar[bool] = True

    def __init__(self, header: str, *tokens: str | bytes | None) -> None:
        self._header = header_for_proof(header)
        self._secrets = Secrets(tokens, f"the token in {header}")

    def verify(self, delivery: Delivery) -> None:
        """As ``Source.verify``."""
        token = delivery.headers.only(self._header)
        if token is None or not self._secrets.include(token):
            raise refusal(self._header)


class SignedBody(KeepsSecrets):
    """A header with an HMAC-SHA256 of the raw body. It covers no header and no time.

    So whoever has seen a delivery can send it again, with other headers too.

    :param header: where the signature stands.
    :param secrets: at most two; with none, everything is refused.
    :param encoding: how the signature is written.
    :param prefix: what precedes it there, like ``"sha256="``.
    :param what: what the secret is, for messages.
    :raises ValueError: ``header`` is no header's name or one that logs may show, or a secret is empty or
        has white space at an end.
    """

    covers_headers: ClassVar[bool] = False

    def __init__(
        self,
        header: str,
        *secrets: str | bytes | None,
        encoding: Encoding = "hex",
        prefix: str = "",
        what: str = "a signing secret",
    ) -> None:
        self.header = header_for_proof(header)
        self._secrets = Secrets(secrets, what)
        self._encoding: Encoding = encoding
        self._prefix = prefix

    def verify(self, delivery: Delivery) -> None:
        """As ``Source.verify``."""
        given = delivery.headers.only(self.header) or ""
        signature = given.removeprefix(self._prefix) if given.startswith(self._prefix) else ""
        if not self._secrets.signed(delivery.body, [signature], self._encoding):
            raise refusal(self.header)


Check: TypeAlias = Bearer | Basic | HeaderToken | SignedBody
"""What says whether a delivery is genuine; ``covers_headers`` tells whether it proves the headers beside the body."""


def refusal(header: str) -> InvalidSignature:
    """One text for every reason, so that nobody learns from it how near a guess was."""
    return InvalidSignature(f"the header {header} is missing, comes twice, or does not prove this delivery genuine")


def header_for_proof(name: str) -> str:
    """The name, if a header of that name can hold a proof and no log shows it.

    :raises ValueError: it cannot.
    """
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError(f"not the name of a header: {name!r}")
    if name.lower() in LOGGABLE:
        raise ValueError(f"logs may show the header {name}; choose another for a credential")
    return name


def _bytes(given: str | bytes) -> bytes:
    return given.encode() if isinstance(given, str) else given


def _decoded(encoded: str) -> str:
    try:
        return base64.b64decode(encoded.encode("ascii"), validate=True).decode()
    except (binascii.Error, UnicodeError):
        return ""
