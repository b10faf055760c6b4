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
from dataflows.connectors.credentials import SecretHeader
from dataflows.connectors.request import Request
from dataflows.errors import PermanentError

if TYPE_CHECKING:
    import ssl

    import httpx2

__all__ = ["LARGEST_ANSWER", "Exchange", "Fault"]

CONNECT_SECONDS = 5.0
NEVER_SENT = ("ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol", "InvalidURL")

LARGEST_ANSWER = 32 * 2**20
"""Bytes of an answer, unpacked; one that is larger is given up."""


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
    :param credentials: sent too; their secrets are replaced by stars in whatever comes back.
    :param timeout: seconds of silence after which an answer is given up.
    :raises PermanentError: the HTTP client is not installed.
    """

    def __init__(
        self, url: str, headers: Mapping[str, str], credentials: Collection[SecretHeader], timeout: float
    ) -> None:
        library = _http_library()
        self._never_sent = tuple(getattr(library, name) for name in NEVER_SENT)
        self._credentials = tuple(credentials)
        silence = library.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS))
        self._client: httpx2.Client = library.Client(base_url=url, headers=headers, timeout=silence, verify=_trust())
        self._client.headers.update({header.name: header.reveal() for header in self._credentials})
        weakref.finalize(self, self._client.close)

    def send(self, request: Request) -> Answer | Fault:
        """Send it, once, and read the whole answer.

        :raises PermanentError: its content is no JSON; nothing was sent.
        """
        body = request.body()
        try:
            return self._send(request, body)
        except Exception as error:  # whatever it is, its traceback holds the request, and that the credential
            reason = self._hide(f"{type(error).__name__}: {error}".rstrip(": "))
            return Fault(reason, was_sent=not isinstance(error, self._never_sent))

    def _send(self, request: Request, body: bytes | None) -> Answer | Fault:
        headers = dict(request.headers) if body is None else {**request.headers, "Content-Type": request.media_type}
        with self._client.stream(
            request.method, request.path, params=request.query, content=body, headers=headers, follow_redirects=False
        ) as response:
            self._client.cookies.clear()  # those of a sign-in page are not ours to send back
            content = _read(response)
        if content is None:
            return Fault(f"it is larger than {LARGEST_ANSWER // 2**20} MiB", was_sent=True)
        told = {name.lower(): self._hide(value) for name, value in response.headers.items()}
        return Answer(response.status_code, told, self._hide(content.decode("latin-1")).encode("latin-1"))

    def _hide(self, text: str) -> str:
        for credential in self._credentials:
            for secret in credential.secrets:
                text = secret.hide_in(text)
        return text


def _read(response: httpx2.Response) -> bytes | None:
    """The whole body, None if there is more of it than anybody should send."""
    content = bytearray()
    for piece in response.iter_bytes():
        content += piece
        if len(content) > LARGEST_ANSWER:
            return None
    return bytes(content)


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
