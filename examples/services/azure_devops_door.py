"""Who may ask Azure DevOps something, and the words in which it refuses.

Owns authentication, the version check, the throttling and the errors as the real service shows them.
"""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request

from examples.services.clock import ServiceClock
from examples.services.limits import SlidingUsage
from examples.services.local_service import Rejected
from examples.services.subscriptions import basic_login

__all__ = ["AzureDevOpsDoor", "error_body", "refusal"]

SIGN_IN_PAGE = "<!DOCTYPE html><html><head><title>Azure DevOps Services | Sign In</title></head></html>"
BLOCKED = 2
"""Up to this many times the limit, answers come with a demand to wait; beyond it there are none."""

ERRORS = {
    400: ("VssPropertyValidationException", "A value of the request is not valid."),
    401: ("UnauthorizedRequestException", "TF400813: The user '' is not authorized to access this resource."),
    412: ("TestPatchOperationFailedException", "VS403351: Test Operation for path /rev failed."),
    415: ("VssRequestContentTypeNotSupportedException", "The request indicated a Content-Type that is not supported."),
    404: ("WorkItemUnauthorizedAccessException", "TF401232: Work item does not exist, or you may not read it."),
    429: ("RequestBlockedException", "TF400733: The request was blocked due to exceeding usage of resource."),
}
INTERNAL = ("TeamFoundationServiceException", "TF400898: An Internal Error Occurred.")

_VERSION = re.compile(r"[1-7]\.\d(-preview(\.\d)?)?")


class AzureDevOpsDoor:
    """Lets requests in.

    :param token: the one personal access token that it takes.
    :param usage_limit: units that may be used within five minutes; each request uses one.
    """

    def __init__(self, token: str, usage_limit: int, clock: ServiceClock) -> None:
        self._login = basic_login("", token)["Authorization"]
        self._usage = SlidingUsage(usage_limit, clock)

    def admit(self, request: Request) -> dict[str, str]:
        """Let the request in, and return the headers that its answer is to have.

        :raises Rejected: it is not let in.
        """
        if request.headers.get("Authorization") != self._login:
            raise refusal(401) if request.method == "PATCH" else Rejected(203, SIGN_IN_PAGE)
        headers = self._throttle()
        if not _VERSION.fullmatch(request.query_params.get("api-version", "1.0")):
            raise refusal(400)
        return headers

    def _throttle(self) -> dict[str, str]:
        used, limit = self._usage.count(), self._usage.limit
        if used <= limit:
            return {}
        headers = {
            "Retry-After": str(min(30, used - limit)),
            "X-RateLimit-Resource": "Organisation/WorkItems",
            "X-RateLimit-Delay": "0.250",
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(self._usage.reset()),
        }
        if used > limit * BLOCKED:
            raise Rejected(429, error_body(429), headers)
        return headers


def error_body(status: int) -> dict[str, Any]:
    """What the service says under a status."""
    kind, message = ERRORS.get(status, INTERNAL)
    return {
        "$id": "1",
        "innerException": None,
        "message": message,
        "typeName": f"Microsoft.TeamFoundation.{kind}, Microsoft.TeamFoundation",
        "typeKey": kind,
        "errorCode": 0,
        "eventId": 3000,
    }


def refusal(status: int) -> Rejected:
    """To be raised: answer with this status."""
    return Rejected(status, error_body(status))
