"""A whole HTTP answer, as the parts of a connector look at it. Pure: it has no socket."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Answer"]


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in lower case; "" if there is none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def is_json(self) -> bool:
        """Whether it says that its body is JSON, under any of the names that JSON goes by."""
        return self.media_type == "application/json" or self.media_type.endswith("+json")

    def json(self) -> Any:
        """The body as JSON, None where there is no body.

        :raises ValueError: the body is not JSON.
        """
        try:
            return json.loads(self.body) if self.body else None
        except RecursionError:
            raise ValueError("the JSON is nested too deeply") from None

    def fields(self) -> dict[str, Any]:
        """The body's fields where it is a JSON object, else none."""
        try:
            content = self.json()
        except ValueError:
            return {}
        return content if isinstance(content, dict) else {}

    def text(self) -> str:
        """The body as UTF-8; what is none is shown as replaced."""
        return self.body.decode(errors="replace")
