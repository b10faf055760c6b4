"""Work items of Azure DevOps, in the two shapes that the service gives them.

Owns the shapes: over REST people are objects, in a delivery they are texts. Pure.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

__all__ = ["Organisation", "Person", "WorkItem", "guid_of", "new_fields", "stamp"]


@dataclass(frozen=True, slots=True)
class Person:
    """Someone whom a field names."""

    name: str
    mail: str

    def in_delivery(self) -> str:
        """``Ada Example <ada@example.com>``."""
        return f"{self.name} <{self.mail}>"

    def in_rest(self, address: str) -> dict[str, Any]:
        """An identity object."""
        number = str(uuid.uuid5(uuid.NAMESPACE_DNS, self.mail))
        return {
            "displayName": self.name,
            "url": f"{address}/_apis/Identities/{number}",
            "_links": {"avatar": {"href": f"{address}/_apis/GraphProfile/MemberAvatars/{number}"}},
            "id": number,
            "uniqueName": self.mail,
            "imageUrl": f"{address}/_api/_common/identityImage?id={number}",
            "descriptor": f"aad.{number}",
        }


ADA = Person("Ada Example", "ada@example.com")
"""Who creates the items."""


@dataclass(frozen=True, slots=True)
class Organisation:
    """Who has the items: an organisation, and the ids of its projects.

    :ivar address: ``https://dev.azure.com/acme``, here on the loopback.
    """

    name: str
    address: str

    def id_of(self, what: str) -> str:
        """The GUID of a project or container; always the same for one name."""
        return guid_of(self.name, what)


def guid_of(organisation: str, what: str) -> str:
    """The GUID of what has that name in that organisation."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{organisation}/{what}"))


@dataclass(slots=True)
class WorkItem:
    """One work item; a field that is empty is absent, a field that names someone holds a ``Person``."""

    id: int
    rev: int
    fields: dict[str, Any]
    parent: int | None = None

    @property
    def project(self) -> str:
        """The name of its project."""
        return str(self.fields["System.TeamProject"])

    @property
    def label(self) -> str:
        """``Bug #42``."""
        return f"{self.fields['System.WorkItemType']} #{self.id}"

    def in_rest(self, organisation: Organisation, expand: str, names: list[str] | None) -> dict[str, Any]:
        """As ``GET …/workitems/{id}`` answers it."""
        shown = {name: value for name, value in self.fields.items() if names is None or name in names}
        item: dict[str, Any] = {"id": self.id, "rev": self.rev, "fields": _in_rest(shown, organisation.address)}
        if self.parent is not None and expand in ("Relations", "All"):
            item["relations"] = [
                {
                    "rel": "System.LinkTypes.Hierarchy-Reverse",
                    "url": f"{organisation.address}/_apis/wit/workItems/{self.parent}",
                    "attributes": {"isLocked": False, "name": "Parent"},
                }
            ]
        url = f"{organisation.address}/_apis/wit/workItems/{self.id}"
        return {**item, "_links": {"self": {"href": url}, "html": {"href": self.page(organisation)}}, "url": url}

    def in_delivery(self, organisation: Organisation) -> dict[str, Any]:
        """As the ``resource`` of a delivery shows it."""
        url = f"{organisation.address}/{organisation.id_of(self.project)}/_apis/wit/workItems/{self.id}"
        return {
            "id": self.id,
            "rev": self.rev,
            "fields": {
                name: value.in_delivery() if isinstance(value, Person) else value for name, value in self.fields.items()
            },
            "_links": {
                "self": {"href": url},
                "workItemUpdates": {"href": f"{url}/updates"},
                "workItemRevisions": {"href": f"{url}/revisions"},
                "html": {"href": self.page(organisation)},
            },
            "url": url,
        }

    def page(self, organisation: Organisation) -> str:
        """Where a person can look at it."""
        return f"{organisation.address}/web/wi.aspx?pcguid={organisation.id_of('collection')}&id={self.id}"


def new_fields(title: str, project: str, kind: str, now: datetime) -> dict[str, Any]:
    """The fields that an item has from the start; those that nobody filled in are absent."""
    moment = stamp(now, digits=3)
    return {
        "System.AreaPath": project,
        "System.TeamProject": project,
        "System.IterationPath": f"{project}\\Sprint 1",
        "System.WorkItemType": kind,
        "System.State": "New",
        "System.Reason": "New defect reported",
        "System.CreatedDate": moment,
        "System.CreatedBy": ADA,
        "System.ChangedDate": moment,
        "System.ChangedBy": ADA,
        "System.CommentCount": 0,
        "System.Title": title,
        "Microsoft.VSTS.Common.Priority": 2,
        "WEF_EB329F44FE5F4A94ACB1DA153FDF38BA_Kanban.Column": "New",
    }


def stamp(moment: datetime, digits: int) -> str:
    """A UTC time as the service writes it: fields with 3 digits of a second, deliveries with 7."""
    fraction = f"{moment:%f}0"[:digits]
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{fraction}Z"


def _in_rest(fields: Mapping[str, Any], address: str) -> dict[str, Any]:
    return {name: value.in_rest(address) if isinstance(value, Person) else value for name, value in fields.items()}
