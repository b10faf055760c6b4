"""One HTTP request and its answer: the only place that touches the HTTP client.

Owns the client, and that nothing which comes out of it holds a secret. The client's own errors
stay in here: they hold the request, and the request holds the credential.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dataflows.connectors.answers import Answer
from dataflows.connectors.credentials import Secret
from dataflows.errors import PermanentError

if TYPE_CHECKING:
    import ssl

    import httpx2

__all__ = ["Exchange", "Fault", "Request"]

CONNECT_SECONDS = 5.0
NEVER_SENT = ("ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol", "InvalidURL")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a service.

    :ivar path: below the base address, beginning with a slash, already quoted.
    :ivar content: sent as JSON; None for no body.
    :ivar look_again: statuses that are final, yet worth a quick second look.
    """

    method: str
    path: str
    query: Mapping[str, str] | None = None
    content: Any = None
    look_again: Collection[int] = ()

    @property
    def is_safe(self) -> bool:
        """Whether it changes nothing, so that carrying it out twice does no harm."""
        return self.method in SAFE_METHODS

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Fault:
    """No whole answer came.

    :ivar reason: in words.
    :ivar was_sent: whether the request may have reached the service.
    """

    reason: str
    was_sent: bool


class Exchange:
    """An HTTP client for one base address. It follows no redirect, which would take the credential along.

    :param headers: sent with every request.
    :param secrets: replaced by stars in whatever comes back.
    :param timeout: seconds of silence after which an answer is given up.
    :raises PermanentError: the HTTP client is not installed.
    """

    def __init__(self, url: str, headers: Mapping[str, str], secrets: Collection[Secret], timeout: float) -> None:
        library = _http_library()
        self._never_sent = tuple(getattr(library, name) for name in NEVER_SENT)
        self._any_error = (library.RequestError, library.InvalidURL)
        self._secrets = tuple(secrets)
        silence = library.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS))
        self._client: httpx2.Client = library.Client(base_url=url, headers=headers, timeout=silence, verify=_trust())
        weakref.finalize(self, self._client.close)

    def send(self, request: Request) -> Answer | Fault:
        """Send it, once, and read the whole answer."""
        try:
            return self._send(request)
        except self._any_error as error:
            reason = self._hide(f"{type(error).__name__}: {error}".rstrip(": "))
            return Fault(reason, was_sent=not isinstance(error, self._never_sent))

    def _send(self, request: Request) -> Answer:
        response = self._client.request(
            request.method, request.path, params=request.query, json=request.content, follow_redirects=False
        )
        self._client.cookies.clear()  # those of a sign-in page are not ours to send back
        headers = {name.lower(): self._hide(value) for name, value in response.headers.items()}
        body = self._hide(response.content.decode("latin-1")).encode("latin-1")
        return Answer(response.status_code, headers, body)

    def _hide(self, text: str) -> str:
        for secret in self._secrets:
            text = secret.hide_in(text)
        return text


@functools.cache
def _trust() -> ssl.SSLContext:
    # To load the machine's certificates takes longer than most requests: once for all clients.
    context: ssl.SSLContext = _http_library().create_ssl_context()
    return context


def _http_library() -> Any:
    try:
        import httpx2
    except ModuleNotFoundError as missing:
        raise PermanentError(
            "connectors need the HTTP client httpx2: pip install 'dataflows-engine[connectors]'"
        ) from missing
    return httpx2
