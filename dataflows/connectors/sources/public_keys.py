"""Keys of Standard Webhooks: how they are written, and verifying ed25519 signatures with the public ones.

Owns the one place that needs an installed package, ``cryptography``, and needs it only where such a key is used.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from dataflows.connectors.sources.checks import refusal

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

__all__ = ["PREFIX", "PublicKeys", "decode_key"]

PREFIX = "whpk_"

AT_MOST = 2


class PublicKeys:
    """At most two public keys; with none, nothing holds.

    :raises ValueError: one is not base64 of 32 bytes, or there are more than two.
    :raises ImportError: there is one, and ``cryptography`` is not installed.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if len(keys) > AT_MOST:
            raise ValueError(f"at most two public keys at a time, the new one and the one it replaces; got {len(keys)}")
        self._keys = [_public_key(key) for key in keys]

    def __len__(self) -> int:
        return len(self._keys)

    def verify(self, content: bytes, signatures: Iterable[str]) -> None:
        """Find one of the signatures, which are base64, to be of one of the keys.

        :raises InvalidSignature: none is.
        """
        decoded = list(map(_decoded, signatures))
        if not any(_holds(key, content, signature) for key in self._keys for signature in decoded):
            raise refusal("webhook-signature")


def decode_key(text: str, prefix: str) -> bytes:
    """The bytes of a key, which is base64 with or without its prefix, and perhaps without its padding.

    :raises ValueError: it is not base64.
    """
    encoded = text.removeprefix(prefix).rstrip("=")
    return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)


def _public_key(text: str) -> Ed25519PublicKey:
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        raise ImportError(f"a {PREFIX}… key needs cryptography: pip install 'dataflows-engine[ed25519]'") from None
    try:
        return Ed25519PublicKey.from_public_bytes(decode_key(text, PREFIX))
    except ValueError:
        raise ValueError(
            f"a key that begins with {PREFIX} goes on with 32 bytes in base64; this one does not"
        ) from None


def _decoded(signature: str) -> bytes:
    try:
        return base64.b64decode(signature.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeError):
        return b""


def _holds(key: Ed25519PublicKey, content: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True
