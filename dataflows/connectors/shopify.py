"""Shopify: its triggers, and calls of the Admin API in GraphQL, one shop with one token.

Owns what Shopify reports under status 200: that a call was throttled, is wrong, or was refused by ``userErrors``.
Shopify has no key by which it knows a mutation again.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from dataflows.connectors.answers import Answer
from dataflows.connectors.connection import Connection
from dataflows.connectors.credentials import Secret, SecretHeader, address_setting, base_url, secret_setting, setting
from dataflows.connectors.request import Request
from dataflows.connectors.sources.shopify import (
    SOURCE,
    ShopifySource,
    app_uninstalled,
    order_cancelled,
    order_created,
    order_fulfilled,
    order_paid,
    order_updated,
    product_created,
    product_updated,
    topic,
)
from dataflows.connectors.verdicts import Service, Verdict, judge_by_status
from dataflows.duration import Duration
from dataflows.errors import PermanentError, TransientError

__all__ = [
    "API_VERSION",
    "SOURCE",
    "Shopify",
    "ShopifySource",
    "app_uninstalled",
    "graphql",
    "order_cancelled",
    "order_created",
    "order_fulfilled",
    "order_paid",
    "order_updated",
    "product_created",
    "product_updated",
    "topic",
]

API_VERSION = "2026-10"

_NO_WORDS = re.compile(r'"""(?:\\"""|(?!""").)*"""|"(?:\\.|[^"\\\n])*"|#[^\n]*', re.DOTALL)
_MUTATION = re.compile(r"\bmutation\b")


class Shopify:
    """A shop's Admin API, reached with an access token.

    :param url: the shop, ``https://acme.myshopify.com``.
    :param token: the access token of an app that the shop has installed.
    :param version: the API's version, a quarter.
    :param timeout: how long an answer may be silent.
    """

    url = ""
    """Under which its paths begin; empty while it is being made."""

    def __init__(self, url: str, token: str | Secret, *, version: str = API_VERSION, timeout: Duration = "60s") -> None:
        self.url = base_url(url)
        secret = token if isinstance(token, Secret) else Secret(token, "the Shopify token")
        header = SecretHeader("X-Shopify-Access-Token", secret)
        self._path = f"/admin/api/{version}/graphql.json"
        self._connection = Connection(SERVICE, self.url, {"Accept": "application/json"}, [header], timeout=timeout)

    def __repr__(self) -> str:
        return f"<Shopify {self.url}>"

    @classmethod
    def from_environment(cls) -> Shopify:
        """The shop that ``SHOPIFY_URL`` and ``SHOPIFY_TOKEN`` name; ``SHOPIFY_API_VERSION`` may name another version.

        :raises PermanentError: one of the first two is not set.
        """
        version = setting("SHOPIFY_API_VERSION", API_VERSION)
        return _shared(address_setting("SHOPIFY_URL"), secret_setting("SHOPIFY_TOKEN"), version)

    def graphql(
        self, document: str, variables: Mapping[str, Any] | None = None, *, repeatable: bool = False
    ) -> dict[str, Any]:
        """Carry out a query or a mutation, and answer its ``data``.

        A throttled call was not carried out, and waits until the shop's bucket holds what it costs.

        :param repeatable: to carry out this mutation twice does no harm (it sets a value, adds a tag); a query
            always is. Without it, a mutation whose answer was lost is ``OutcomeUnknown``.
        :raises PermanentError: the document has errors, or the mutation has ``userErrors`` (code ``userErrors``).
        :raises ConnectorError: as ``Connection.ask``.
        """
        is_idempotent = repeatable or not changes_something(document)
        content = {"query": document, "variables": dict(variables or {})}
        request = Request("POST", self._path, content=content, is_idempotent=is_idempotent)
        data = self._connection.ask(request).get("data")
        if not isinstance(data, dict):
            message = f"Shopify: {request} answered without any 'data'"
            raise TransientError(message, outcome_unknown=not is_idempotent)
        told = "; ".join(_user_errors(data))
        if told:
            raise PermanentError(f"Shopify: the mutation was refused: {told}", 200, "userErrors")
        return data


@functools.lru_cache(maxsize=8)
def _shared(url: str, token: Secret, version: str) -> Shopify:
    return Shopify(url, token, version=version)


def graphql(document: str, variables: Mapping[str, Any] | None = None, *, repeatable: bool = False) -> dict[str, Any]:
    """``Shopify.graphql`` of the shop that the environment names: made to be a step."""
    return Shopify.from_environment().graphql(document, variables, repeatable=repeatable)


def changes_something(document: str) -> bool:
    """Whether a GraphQL document may hold a mutation: rather once too often than once too few."""
    return _MUTATION.search(_NO_WORDS.sub(" ", document)) is not None


def _user_errors(data: Mapping[str, Any]) -> Iterator[str]:
    """Each entry of a payload's ``userErrors`` (some are called ``customerUserErrors`` and the like) in words."""
    for payload in data.values():
        for name, errors in payload.items() if isinstance(payload, dict) else ():
            if name.lower().endswith("usererrors") and isinstance(errors, list):
                yield from (_in_words(error) for error in errors)


def _in_words(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)
    where = ".".join(map(str, error.get("field") or ()))
    return f"{where}: {error.get('message')}" if where else str(error.get("message"))


def _judge(answer: Answer) -> Verdict:
    verdict = judge_by_status(answer)
    if verdict is not Verdict.DONE or "errors" not in answer.fields():
        return verdict
    code, _ = _explain(answer)
    return VERDICTS_OF_CODES.get(code or "", Verdict.REFUSED)


def _explain(answer: Answer) -> tuple[str | None, str]:
    errors = answer.fields().get("errors")
    first = errors[0] if isinstance(errors, list) and errors else errors
    if not isinstance(first, dict):
        return None, first if isinstance(first, str) else ""
    extensions = first.get("extensions")
    code = extensions.get("code") if isinstance(extensions, dict) else None
    return (code if isinstance(code, str) else None), str(first.get("message") or "")


def _wait_for_bucket(answer: Answer) -> float | None:
    """Seconds until the bucket holds what the call was to cost, by what the answer says of the bucket."""
    try:
        cost = answer.fields()["extensions"]["cost"]
        status = cost["throttleStatus"]
        missing = float(cost["requestedQueryCost"]) - float(status["currentlyAvailable"])
        seconds = max(0.0, missing / float(status["restoreRate"]))
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return seconds if math.isfinite(seconds) else None


VERDICTS_OF_CODES: Mapping[str, Verdict] = {
    "THROTTLED": Verdict.LIMITED,
    "ACCESS_DENIED": Verdict.UNAUTHENTICATED,
    "INTERNAL_SERVER_ERROR": Verdict.FAILED,
}
"""What errors under status 200 mean; any other is refused for good."""

SERVICE = Service("Shopify", _judge, _explain, _wait_for_bucket, usual_wait=1.0, longest_wait=60.0)
