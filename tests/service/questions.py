"""Questions that are asked over HTTP, and their pages as a browser reads them."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import httpx2

from tests.service.calling import Api
from tests.service.conftest import PUBLIC
from tests.waiting import eventually

__all__ = ["BROWSER", "FORM", "PROGRAM", "Page", "ask", "path_of"]

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PROGRAM = {"Accept": "application/json"}
FORM = {**BROWSER, "Content-Type": "application/x-www-form-urlencoded"}


def ask(api: Api, **details: Any) -> tuple[str, str]:
    """Have something asked; answers the execution's id, and the path at which it is answered."""
    id = api.start("desk/question", kwargs=details)
    url = json.loads(eventually(lambda: api.get(f"/api/executions/{id}").json()["published"].get("url")))
    return id, path_of(url)


def path_of(url: str) -> str:
    """As it comes in behind whatever takes the path of the public URL away."""
    assert url.startswith(f"{PUBLIC}/callbacks/")
    return urlsplit(url).path.removeprefix("/ours")


class Page(HTMLParser):
    """What there is in a page.

    :ivar tags: the names of its elements.
    :ivar attributes: all of them, as pairs.
    :ivar text: all that is no markup, but for the style.
    :ivar buttons: the values of its buttons.
    """

    def __init__(self, answered: httpx2.Response) -> None:
        super().__init__()
        assert answered.headers["content-type"] == "text/html; charset=utf-8", answered.text
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.buttons: list[str | None] = []
        self.feed(answered.text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag == "button":
            self.buttons.append(dict(attrs)["value"])

    def handle_data(self, data: str) -> None:
        if self.cdata_elem is None:
            self.text += data
