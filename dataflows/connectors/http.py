"""Any service that speaks HTTP: get, post and the rest as functions for steps.

Owns what is common to calls of services that have no connector of their own::

    order = yield from step("order", partial(http.get, url, credential=Credential("SHOP_TOKEN")))
    yield from step("charge", partial(http.post, url, {"amount": 5}, deduplicated=True))

A ``POST`` or ``PATCH`` carries the step's own ``Idempotency-Key``, the same at every try. Only where the
service is said to honour it (``deduplicated=True``) is one tried again after an answer that was lost; else
that is ``OutcomeUnknown``.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Mapping
from typing import Any, TypedDict, Unpack
from urllib.parse import SplitResult, urlsplit

from dataflows.attempt import current_attempt
from dataflows.connectors.answers import Answer
from dataflows.connectors.connection import Connection
from dataflows.connectors.credentials import Credential, SecretHeader, base_url
from dataflows.connectors.refusals import not_json
from dataflows.connectors.request import Request
from dataflows.connectors.verdicts import Service
from dataflows.duration import Duration
from dataflows.errors import PermanentError

__all__ = ["Calling", "Credential", "Reply", "Sending", "delete", "get", "patch", "post", "put", "request"]

KEYED_METHODS = frozenset({"POST", "PATCH"})
LONGEST_KEY = 255
CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie"})

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Reply(TypedDict):
    """An answer as a step returns it."""

    status: int
    headers: dict[str, str]
    """Their names in lower case; without cookies, which are credentials."""
    content: Any
    """What its JSON holds, else its text; None if it is empty."""


class Calling(TypedDict, total=False):
    """How a call is made."""

    params: Mapping[str, str] | None
    """The query, instead of one in the address."""
    headers: Mapping[str, str]
    """Further headers; no credential, since what a step is given is nobody's secret."""
    credential: Credential | None
    """Names the environment variable that holds the token."""
    timeout: Duration
    """How long an answer may be silent; 60 s."""


class Sending(Calling, total=False):
    """How something is sent that may change something."""

    deduplicated: bool
    """The service honours ``Idempotency-Key``: to send it twice does no harm."""
    idempotency_key: str | None
    """Instead of the step's own; needed where one step sends several things."""


def get(url: str, **options: Unpack[Calling]) -> Any:
    """``request`` with ``GET``: the content of the answer, from JSON or as a text."""
    return request("GET", url, **options)["content"]


def post(url: str, content: Any = None, **options: Unpack[Sending]) -> Any:
    """``request`` with ``POST``: the content of the answer, from JSON or as a text."""
    return request("POST", url, content, **options)["content"]


def patch(url: str, content: Any = None, **options: Unpack[Sending]) -> Any:
    """``request`` with ``PATCH``: the content of the answer, from JSON or as a text."""
    return request("PATCH", url, content, **options)["content"]


def put(url: str, content: Any = None, **options: Unpack[Calling]) -> Any:
    """``request`` with ``PUT``, which may be sent twice: the content of the answer, from JSON or as a text."""
    return request("PUT", url, content, **options)["content"]


def delete(url: str, **options: Unpack[Calling]) -> Any:
    """``request`` with ``DELETE``, which may be sent twice; None where there is nothing (any more)."""
    try:
        return request("DELETE", url, **options)["content"]
    except PermanentError as error:
        if error.status not in (404, 410):
            raise
    return None


def request(
    method: str,
    url: str,
    content: Any = None,
    *,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    credential: Credential | None = None,
    deduplicated: bool = False,
    idempotency_key: str | None = None,
    timeout: Duration = "60s",
) -> Reply:
    """Send one request and return the whole answer, which is a success (2xx). No redirect is followed.

    :param content: sent as JSON; None for no body. The others are as in ``Calling`` and ``Sending``.
    :raises PermanentError: the service refused, or the request cannot be sent; ``AuthenticationFailed`` where
        it let nobody in.
    :raises RetryAfter: the service asks for a wait; ``RateLimited`` where a limit is used up.
    :raises TransientError: the service was not reached, or failed; the step may be tried again.
    :raises OutcomeUnknown: it was sent, may have been carried out, and is not ``deduplicated``.
    """
    method, parts = method.upper(), _parts_of(url)
    asked = Request(
        method,
        _path_of(parts, params),
        params,
        content,
        not_yet={409} if deduplicated else (),  # the first of the two is still being carried out
        headers={**_checked(headers or {}), **_keyed(method, idempotency_key, deduplicated)},
        is_idempotent=True if deduplicated else None,
    )
    answer = _connect(parts, credential, timeout).answer_to(asked)
    shown = {name: value for name, value in answer.headers.items() if name != "set-cookie"}
    return {"status": answer.status, "headers": shown, "content": _content(parts.netloc, asked, answer)}


def _parts_of(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        base_url(f"{parts.scheme}://{parts.netloc}")
    except ValueError as error:
        reason = str(error)
    else:
        return parts
    raise PermanentError(f"cannot be called: {reason}")


def _path_of(parts: SplitResult, params: Mapping[str, str] | None) -> str:
    query = "" if params is not None else parts.query
    return f"{parts.path or '/'}?{query}" if query else parts.path or "/"


def _checked(headers: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in headers.items():
        if name.lower() in CREDENTIALS:
            raise PermanentError(f"{name} is no plain header: give its secret by credential=, which is never stored")
        if not _HEADER_NAME.fullmatch(name) or not (value.isascii() and value.isprintable()):
            raise PermanentError(f"the header {name!r} cannot be sent: printable ASCII only")
    return headers


def _keyed(method: str, key: str | None, deduplicated: bool) -> Mapping[str, str]:
    """The header by which a service knows a request again."""
    if method not in KEYED_METHODS:
        return {}
    if key is None:
        key = _key_of_step()
    if key is None and deduplicated:
        raise PermanentError("no step runs here whose idempotency key could be sent: give idempotency_key=")
    return {} if key is None else {"Idempotency-Key": _as_header(key)}


def _key_of_step() -> str | None:
    try:
        return current_attempt().idempotency_key
    except LookupError:
        return None


def _as_header(key: str) -> str:
    """The key itself where a header can carry it, else a digest of it."""
    is_plain = key.isascii() and key.isprintable() and len(key) <= LONGEST_KEY
    return key if is_plain else hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _connect(parts: SplitResult, credential: Credential | None, timeout: Duration) -> Connection:
    return _shared(parts.scheme, parts.netloc, credential.read() if credential else None, timeout)


@functools.lru_cache(maxsize=32)
def _shared(scheme: str, host: str, header: SecretHeader | None, timeout: Duration) -> Connection:
    credentials = () if header is None else (header,)
    return Connection(Service(host, explain=_explain), f"{scheme}://{host}", {}, credentials, timeout=timeout)


def _content(host: str, asked: Request, answer: Answer) -> Any:
    if not answer.is_json:
        return answer.text() or None
    try:
        return answer.json()
    except ValueError:
        error = not_json(Service(host), asked, answer)
    raise error


def _explain(answer: Answer) -> tuple[str | None, str]:
    """What most services call the code and the text of an error; ``problem+json`` too."""
    fields = answer.fields()
    inner = fields.get("error")
    if isinstance(inner, dict):
        fields = inner
    told = (fields.get(name) for name in ("detail", "message", "error_description", "error", "title"))
    code = fields.get("code")
    return (code if isinstance(code, str) else None), next((text for text in told if isinstance(text, str)), "")
