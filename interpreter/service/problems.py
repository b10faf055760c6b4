"""What the API answers where it cannot do what it was asked: ``application/problem+json`` (RFC 9457).

Owns the kinds of problems, and which error of the package is which. A problem says what to do; of an
error that nobody expected it says nothing but that, and the log has the rest.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import NamedTuple

import psycopg
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dataflows.errors import (
    CannotStore,
    DatabaseUnavailable,
    DatabaseUnsuitable,
    IdInUse,
    NotFound,
    SchedulerStopped,
    UnknownWorkflow,
    WrongStatus,
)
from interpreter.service.answers import to_json

__all__ = ["KINDS", "Complaint", "Kind", "Problem", "answer_http_exception", "problem_of"]

logger = logging.getLogger("dataflows.service")

_BETWEEN_LINES = 10.0
"""Seconds between two lines of the log that say that the database does not answer."""


class Kind(NamedTuple):
    """One kind of problem: its HTTP status and its title."""

    status: int
    title: str


KINDS = {
    "malformed": Kind(400, "The request cannot be read"),
    "unauthorized": Kind(401, "A token is needed"),
    "not-genuine": Kind(401, "The delivery is not shown to be genuine"),
    "forbidden": Kind(403, "This is not allowed"),
    "not-found": Kind(404, "There is no such thing"),
    "method-not-allowed": Kind(405, "This cannot be done here"),
    "slow": Kind(408, "The request took too long to come in"),
    "id-in-use": Kind(409, "The id belongs to something else"),
    "wrong-status": Kind(409, "Its status does not allow it"),
    "answered": Kind(409, "It was answered before"),
    "gone": Kind(410, "It takes no answer any more"),
    "too-large": Kind(413, "The request's body is too large"),
    "address-too-long": Kind(414, "The request's address is too long"),
    "unsupported-media-type": Kind(415, "Only JSON is read here"),
    "wrong-host": Kind(421, "This host name is not served here"),
    "invalid": Kind(422, "The request is not valid"),
    "headers-too-large": Kind(431, "The request's headers are too large"),
    "failed": Kind(500, "Something went wrong"),
    "unavailable": Kind(503, "Not now"),
}
"""The last part of a problem's ``type``, and what it stands for."""

_RETRY_AFTER = {"Retry-After": "2"}

_KIND_OF_ERROR: dict[type[Exception], str] = {
    NotFound: "not-found",
    UnknownWorkflow: "not-found",
    IdInUse: "id-in-use",
    WrongStatus: "wrong-status",
    CannotStore: "invalid",
    DatabaseUnavailable: "unavailable",
    DatabaseUnsuitable: "unavailable",
    SchedulerStopped: "unavailable",
    psycopg.OperationalError: "unavailable",
    psycopg.errors.ReadOnlySqlTransaction: "unavailable",
}

_KIND_OF_STATUS = {404: "not-found", 405: "method-not-allowed"}


class Complaint:
    """That the database does not answer: a line now and then, since each request finds that out."""

    def __init__(self) -> None:
        self._next_at = 0.0  # monotonic
        self._unsaid = 0

    def make(self, error: Exception) -> None:
        """It did not answer once more."""
        if time.monotonic() < self._next_at:
            self._unsaid += 1
            return
        logger.warning("the database does not answer: %s; not logged before: %d", type(error).__name__, self._unsaid)
        self._next_at, self._unsaid = time.monotonic() + _BETWEEN_LINES, 0


_complaint = Complaint()


class Problem(Exception):
    """The request ends with this.

    :param kind: a key of ``KINDS``.
    :param detail: what is wrong with this request, and what to do.
    :param headers: of the answer, besides.
    """

    def __init__(self, kind: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or ()) | (_RETRY_AFTER if kind == "unavailable" else {})

    def to_response(self) -> Response:
        """The answer."""
        status, title = KINDS[self.kind]
        document = {"type": f"urn:dataflows:problem:{self.kind}", "title": title, "status": status}
        content = to_json(document | {"detail": self.detail})
        return Response(content, status, self.headers, media_type="application/problem+json")


def problem_of(error: Exception) -> Problem:
    """What the API answers for an error."""
    if isinstance(error, Problem):
        return error
    kind = next((kind for cls, kind in _KIND_OF_ERROR.items() if isinstance(error, cls)), None)
    if kind == "unavailable":
        _complaint.make(error)
        return Problem(kind, "The database does not answer. Nothing is lost: try again.")
    if kind is not None:
        return Problem(kind, str(error))
    logger.error("a request failed", exc_info=error)
    return Problem("failed", "The server's log says what. Trying again changes nothing before that is mended.")


def answer_http_exception(request: Request, error: Exception) -> Response:
    """What Starlette's own router raises: no such path, or no such method there."""
    assert isinstance(error, HTTPException)
    kind = _KIND_OF_STATUS.get(error.status_code, "malformed")
    detail = "There is nothing here; /openapi.json lists what there is."
    if kind == "method-not-allowed":
        detail = f"Allowed here: {(error.headers or {}).get('Allow', '')}."
    return Problem(kind, detail, error.headers).to_response()
