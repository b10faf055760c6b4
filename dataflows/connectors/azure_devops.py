"""Azure DevOps: its triggers, and getting, finding and changing work items.

Owns the REST calls; its triggers stand beside its source and are offered here too, so that authors
import one module.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Mapping
from typing import Any

from dataflows.connectors import azure_devops_requests as requests
from dataflows.connectors.answers import Answer
from dataflows.connectors.azure_devops_requests import Expand, quoted
from dataflows.connectors.connection import Connection
from dataflows.connectors.credentials import Secret, address_setting, base_url, basic_login, secret_setting
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
from dataflows.connectors.verdicts import Service, Verdict, judge_by_status
from dataflows.duration import Duration
from dataflows.errors import PermanentError, TransientError

__all__ = [
    "SOURCE",
    "AzureDevOps",
    "AzureDevOpsSource",
    "Expand",
    "build_completed",
    "code_pushed",
    "find_work_item_ids",
    "get_work_item",
    "get_work_items",
    "parse",
    "pull_request_created",
    "quoted",
    "update_work_item",
    "work_item_commented",
    "work_item_created",
    "work_item_deleted",
    "work_item_updated",
]

CONFLICTS = frozenset({409, 412})
"""What is answered where an item is not at the revision that was told."""

_ERROR_NUMBER = re.compile(r"(TF|VS)\d{5,}")


class AzureDevOps:
    """An organisation's REST API, reached with a personal access token.

    :param url: the organisation, ``https://dev.azure.com/acme``, or the collection of a server of one's own.
    :param token: a personal access token with the scope ``vso.work``.
    :param timeout: how long an answer may be silent; throttled ones are held back for up to 30 s.
    """

    url = ""
    """Under which its paths begin; empty while it is being made."""

    def __init__(self, url: str, token: str | Secret, *, timeout: Duration = "60s") -> None:
        self.url = base_url(url)
        secret = token if isinstance(token, Secret) else Secret(token, "the Azure DevOps token")
        headers = {"Accept": "application/json", "X-TFS-FedAuthRedirect": "Suppress"}
        self._connection = Connection(SERVICE, self.url, headers, [basic_login("", secret)], timeout=timeout)

    def __repr__(self) -> str:
        return f"<AzureDevOps {self.url}>"

    @classmethod
    def from_environment(cls) -> AzureDevOps:
        """The organisation that ``AZURE_DEVOPS_URL`` and ``AZURE_DEVOPS_TOKEN`` name.

        :raises PermanentError: one of them is not set.
        """
        return _shared(address_setting("AZURE_DEVOPS_URL"), secret_setting("AZURE_DEVOPS_TOKEN"))

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
        return self._connection.ask(requests.get_item(id, project, expand, fields))

    def get_work_items(
        self,
        ids: Collection[int | str],
        *,
        project: str | None = None,
        expand: Expand = "None",
        fields: Collection[str] = (),
    ) -> list[dict[str, Any]]:
        """Work items as they stand now, in the order asked for, 200 with each request. Missing ones are left out.

        :raises ValueError: an id is no whole number.
        :raises ConnectorError: as ``Connection.ask``.
        """
        found: list[dict[str, Any]] = []
        for batch in requests.batches(ids):
            answer = self._connection.ask(requests.get_items(batch, project, expand, fields))
            found.extend(item for item in _listed(answer, "value") if item is not None)
        return found

    def find_work_item_ids(self, wiql: str, *, project: str | None = None, limit: int | None = None) -> list[int]:
        """The ids of the items that a query in WIQL finds, in its order; of a query for links, what they lead to.

        ``"SELECT [System.Id] FROM WorkItems WHERE [System.Title] CONTAINS " + quoted("O'Brien")``

        :param project: what ``@project`` stands for.
        :param limit: at most so many.
        :raises ConnectorError: as ``Connection.ask``; status 400 if the query is none.
        """
        answer = self._connection.ask(requests.query_items(wiql, project, limit))
        if "workItemRelations" in answer:
            targets = (link.get("target") for link in _listed(answer, "workItemRelations"))
            return list(dict.fromkeys(target["id"] for target in targets if target))
        return [item["id"] for item in _listed(answer, "workItems")]

    def update_work_item(
        self, id: int | str, fields: Mapping[str, Any], *, rev: int | None = None, project: str | None = None
    ) -> dict[str, Any]:
        """Set fields of a work item, all or none of them, and answer it as it stands then. Made to be tried again.

        :param fields: values by reference names, ``{"System.State": "Active"}``; a comment is ``System.History``.
        :param rev: change nothing unless the item is still at this revision. If this very change was made by an
            earlier try whose answer was lost, it is found and answered.
        :raises ValueError: ``id`` is no whole number, or a comment comes without ``rev``.
        :raises PermanentError: the service refused; status 412 if somebody has changed the item since ``rev``.
        :raises ConnectorError: as ``Connection.ask``.
        """
        request = requests.update_item(id, fields, rev, project)
        try:
            return self._connection.ask(request)
        except PermanentError as error:
            if rev is None or error.status not in CONFLICTS:
                raise
            return self._changed_already(id, fields, rev, error)

    def _changed_already(
        self, id: int | str, fields: Mapping[str, Any], rev: int, error: PermanentError
    ) -> dict[str, Any]:
        item = self.get_work_item(id)
        if item["rev"] == rev + 1 and requests.has_fields(item, fields):
            return item
        where = f"Azure DevOps: work item {id} is at revision {item['rev']}, not at {rev}"
        raise PermanentError(f"{where}: fetch it and decide anew", error.status, error.code) from None


@functools.lru_cache(maxsize=8)
def _shared(url: str, token: Secret) -> AzureDevOps:
    return AzureDevOps(url, token)


def get_work_item(
    id: int | str, *, project: str | None = None, expand: Expand = "None", fields: Collection[str] = ()
) -> dict[str, Any]:
    """``AzureDevOps.get_work_item`` of the organisation that the environment names: made to be a step."""
    return AzureDevOps.from_environment().get_work_item(id, project=project, expand=expand, fields=fields)


def get_work_items(
    ids: Collection[int | str],
    *,
    project: str | None = None,
    expand: Expand = "None",
    fields: Collection[str] = (),
) -> list[dict[str, Any]]:
    """``AzureDevOps.get_work_items`` of the organisation that the environment names: made to be a step."""
    return AzureDevOps.from_environment().get_work_items(ids, project=project, expand=expand, fields=fields)


def find_work_item_ids(wiql: str, *, project: str | None = None, limit: int | None = None) -> list[int]:
    """``AzureDevOps.find_work_item_ids`` of the organisation that the environment names: made to be a step."""
    return AzureDevOps.from_environment().find_work_item_ids(wiql, project=project, limit=limit)


def update_work_item(
    id: int | str, fields: Mapping[str, Any], *, rev: int | None = None, project: str | None = None
) -> dict[str, Any]:
    """``AzureDevOps.update_work_item`` of the organisation that the environment names: made to be a step."""
    return AzureDevOps.from_environment().update_work_item(id, fields, rev=rev, project=project)


def _listed(answer: dict[str, Any], name: str) -> list[Any]:
    found = answer.get(name)
    if not isinstance(found, list):  # to take this for "none" would lose what there is
        raise TransientError(f"Azure DevOps: asked for items, it answered without any {name!r}")
    return found


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
