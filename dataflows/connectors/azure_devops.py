"""Azure DevOps: its triggers, and getting work items.

Owns the REST calls; its triggers stand beside its source and are offered here too, so that authors
import one module.
"""

from __future__ import annotations

import base64
import functools
import re
from collections.abc import Collection
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

from dataflows.connectors.answers import Answer, Service, Verdict, judge_by_status
from dataflows.connectors.credentials import Secret, setting
from dataflows.connectors.http import Connection, Request
from dataflows.connectors.sources.azure_devops import (
    SOURCE,
    AzureDevOpsSource,
    build_completed,
    code_pushed,
    parse,
    pull_request_created,
    work_item_commented,
    work_item_created,
    work_item_deleted,
    work_item_updated,
)
from dataflows.duration import Duration

__all__ = [
    "SOURCE",
    "AzureDevOps",
    "AzureDevOpsSource",
    "Expand",
    "build_completed",
    "code_pushed",
    "get_work_item",
    "parse",
    "pull_request_created",
    "work_item_commented",
    "work_item_created",
    "work_item_deleted",
    "work_item_updated",
]

API_VERSION = "7.1"

Expand: TypeAlias = Literal["None", "Relations", "Fields", "Links", "All"]
"""What an item is to come with beside its fields."""

_ERROR_NUMBER = re.compile(r"(TF|VS)\d{5,}")


class AzureDevOps:
    """An organisation's REST API, reached with a personal access token.

    :param url: the organisation, ``https://dev.azure.com/acme``, or the collection of a server of one's own.
    :param token: a personal access token with the scope ``vso.work``.
    :param timeout: how long an answer may be silent; throttled ones are held back for up to 30 s.
    """

    def __init__(self, url: str, token: str, *, timeout: Duration = "60s") -> None:
        secret = Secret(token, "the Azure DevOps token")
        encoded = Secret(base64.b64encode(f":{token}".encode()).decode())
        headers = {
            "Authorization": f"Basic {encoded.reveal()}",
            "Accept": "application/json",
            "X-TFS-FedAuthRedirect": "Suppress",
        }
        self._connection = Connection(SERVICE, url, headers, (secret, encoded), timeout=timeout)

    def __repr__(self) -> str:
        return f"<AzureDevOps {self._connection.url}>"

    @classmethod
    def from_environment(cls) -> AzureDevOps:
        """The organisation that ``AZURE_DEVOPS_URL`` and ``AZURE_DEVOPS_TOKEN`` name.

        :raises PermanentError: one of them is not set.
        """
        return _shared(setting("AZURE_DEVOPS_URL"), setting("AZURE_DEVOPS_TOKEN"))

    def get_work_item(
        self, id: int | str, *, project: str | None = None, expand: Expand = "None", fields: Collection[str] = ()
    ) -> dict[str, Any]:
        """A work item as it stands now. Empty fields are absent; people are objects with ``displayName``.

        One that is missing is looked for three times within about a second, since the hook may be
        faster than the item.

        :param project: the name or id of its project; not needed.
        :param fields: the reference names of the fields wanted; all if none are given.
        :raises ValueError: ``id`` is no whole number.
        :raises ConnectorError: as ``Connection.ask``; status 404 if it does not exist or may not be read.
        """
        return self._connection.ask(_work_item_request(id, project, expand, fields))


@functools.lru_cache(maxsize=8)
def _shared(url: str, token: str) -> AzureDevOps:
    return AzureDevOps(url, token)


def get_work_item(
    id: int | str, *, project: str | None = None, expand: Expand = "None", fields: Collection[str] = ()
) -> dict[str, Any]:
    """``AzureDevOps.get_work_item`` of the organisation that the environment names: made to be a step."""
    return AzureDevOps.from_environment().get_work_item(id, project=project, expand=expand, fields=fields)


def _work_item_request(id: int | str, project: str | None, expand: Expand, fields: Collection[str]) -> Request:
    number = str(id)
    if not (number.isascii() and number.isdigit()):
        raise ValueError(f"the id of a work item is a whole number; got {id!r}")
    query = {"api-version": API_VERSION}
    if expand != "None":
        query["$expand"] = expand
    if fields:
        query["fields"] = ",".join(fields)
    scope = f"/{quote(project, safe='')}" if project else ""
    return Request("GET", f"{scope}/_apis/wit/workitems/{number}", query, look_again={404})


def _judge(answer: Answer) -> Verdict:
    # A bad token is answered with the page to sign in, under 203, or with a redirect to it.
    is_sign_in_page = answer.status < 300 and answer.media_type == "text/html"
    if is_sign_in_page or answer.status in (203, 302):
        return Verdict.UNAUTHENTICATED
    return judge_by_status(answer)


def _explain(answer: Answer) -> tuple[str | None, str]:
    fields = answer.fields()
    text = str(fields.get("message") or "")
    number = _ERROR_NUMBER.match(text)
    return (number[0] if number else fields.get("typeKey")), text


SERVICE = Service("Azure DevOps", _judge, _explain)
