"""The secrets that a source knows its service by: up to two at a time, so that one can be replaced without a gap.

Owns keeping them from sight and every comparison with them. Nothing here ends earlier for a better guess.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Literal, NoReturn, TypeAlias

__all__ = ["Encoding", "KeepsSecrets", "Secrets"]

AT_MOST = 2

Encoding: TypeAlias = Literal["hex", "base64"]
"""How a service writes its signatures."""

_WRITTEN: dict[Encoding, Callable[[bytes], bytes]] = {
    "hex": lambda digest: digest.hex().encode(),
    "base64": base64.b64encode,
}


class Secrets:
    """One secret, or two while it is being replaced; with none, nothing matches.

    It shows itself as a number, and cannot be pickled.

    :param given: texts, which are taken as UTF-8, or bytes. None stands for a setting that is not set.
    :param what: what they are, for messages: ``"the GitHub secret"``.
    :param read: makes the key of a text.
    :raises TypeError: one is neither text nor bytes.
    :raises ValueError: one is empty or begins or ends with white space, or there are more than two.
        No message repeats it.
    """

    __slots__ = ("_keys",)

    def __init__(
        self, given: Iterable[str | bytes | None], what: str, read: Callable[[str], bytes] = str.encode
    ) -> None:
        keys = [_key(secret, what, read) for secret in given if secret is not None]
        if len(keys) > AT_MOST:
            raise ValueError(f"{what}: at most two at a time, the new one and the one it replaces; got {len(keys)}")
        self._keys = tuple(keys)

    def __repr__(self) -> str:
        return f"<{len(self._keys)} secrets>"

    def __len__(self) -> int:
        return len(self._keys)

    def __reduce__(self) -> NoReturn:
        raise TypeError("secrets are never stored: read them from the environment where the deliveries come in")

    def signed(self, content: bytes, signatures: Iterable[str], encoding: Encoding) -> bool:
        """Whether any of the signatures is an HMAC-SHA256 of the content; they are compared as they are written."""
        write = _WRITTEN[encoding]
        return _any_equal([write(hmac.digest(key, content, "sha256")) for key in self._keys], signatures)

    def include(self, given: str) -> bool:
        """Whether the text is one of them. Hashes are compared, so that not even a length is told."""
        digest = sha256(given.encode("utf-8", "surrogatepass")).hexdigest()
        return _any_equal([sha256(key).hexdigest().encode() for key in self._keys], [digest])


class KeepsSecrets:
    """What verifies with ``Secrets``."""

    _secrets: Secrets

    @property
    def has_secret(self) -> bool:
        """Whether anything can be proven to it."""
        return len(self._secrets) > 0


def _key(secret: str | bytes, what: str, read: Callable[[str], bytes]) -> bytes:
    if not isinstance(secret, str | bytes):  # bytes(7) would be a key that everybody knows
        raise TypeError(f"{what} is a text or bytes, not {type(secret).__name__}; several are several arguments")
    if not secret or (isinstance(secret, str) and secret != secret.strip()):
        raise ValueError(f"{what} is empty, or has white space at an end; check how it was copied")
    try:
        key = read(secret) if isinstance(secret, str) else secret
    except ValueError:
        key = b""
    if not key:
        raise ValueError(f"{what} is not written as such a secret is; check how it was copied") from None
    return key


def _any_equal(known: Iterable[bytes], given: Iterable[str]) -> bool:
    texts = [text.encode("utf-8", "surrogatepass") for text in given]
    return sum(hmac.compare_digest(one, other) for one in known for other in texts) > 0  # none is left out
