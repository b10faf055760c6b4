"""The URLs of callbacks: what they are made of, and how they are shown to whoever is not to use them.

Owns the token. It is 160 bits from the system's own source, written in letters and digits, so that no mail program
takes its end for punctuation; what is searched by is its digest, so that no secret is ever compared.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from urllib.parse import urlsplit

from dataflows.errors import NotFound

__all__ = [
    "NOTHING",
    "digest_of",
    "hidden",
    "new_url",
    "origin_of",
    "public_url_or_default",
]

NOTHING = "nothing is asked at this address: see that it is complete"
"""What is said of every token that no callback has."""

_PATH = "/callbacks/"
"""Where callbacks are, below the public URL; the token follows."""

_BYTES = 20
_TOKEN = re.compile(rf"[0-9a-f]{{{_BYTES * 2}}}")
_SECRET = re.compile(rf"(?<={_PATH})[^/?#\"]+")


def new_url(public_url: str) -> tuple[str, bytes]:
    """The URL of a new callback, and the digest of its token.

    :param public_url: as ``public_url_or_default`` gives it.
    """
    token = secrets.token_hex(_BYTES)
    return f"{public_url}{_PATH}{token}", _digest(token)


def digest_of(token: str) -> bytes:
    """By which the callback of a token is found.

    :raises NotFound: no callback has such a token; in the words that tell nothing of those there are.
    """
    if not _TOKEN.fullmatch(token):
        raise NotFound(NOTHING)
    return _digest(token)


def hidden(text: str) -> str:
    """The text, its URLs of callbacks without their tokens."""
    return _SECRET.sub("…", text)


def public_url_or_default(given: str | None) -> str | None:
    """The one that was given, or that of the environment; None: there is none.

    :raises ValueError: it is no public URL.
    """
    url = given if given is not None else os.environ.get("DATAFLOWS_PUBLIC_URL")
    return _checked(url) if url else None


def origin_of(public_url: str) -> str:
    """As a browser says where a page is from, in lower case."""
    parts = urlsplit(public_url.lower())
    default = {"http": 80, "https": 443}[parts.scheme]
    host = parts.netloc.rpartition(":")[0] if parts.port == default else parts.netloc
    return f"{parts.scheme}://{host}"


def _checked(url: str) -> str:
    """The URL under which the service is reached, without a slash at its end.

    :raises ValueError: it is none, or has a query, a fragment, or a password.
    """
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_one = False
    if not is_one or not url.isascii() or not url.isprintable() or re.search(r"[?#@\s\"<>\\]", url):
        raise ValueError(
            f"a public URL is written like https://flows.example or https://example.org/flows, not {url!r}"
        )
    return url.rstrip("/")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("ascii")).digest()
