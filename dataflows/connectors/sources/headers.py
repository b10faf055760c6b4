"""The headers of a delivery: looked up whatever their case, kept in double, shown only where that gives nothing away.

Owns the look-up and the list of what a log may show. Knows no source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

__all__ = ["LOGGABLE", "Headers"]

LOGGABLE = frozenset(
    {
        "content-length",
        "content-type",
        "date",
        "host",
        "origin",
        "user-agent",
        "ce-id",
        "ce-source",
        "ce-specversion",
        "ce-time",
        "ce-type",
        "svix-id",
        "svix-timestamp",
        "webhook-id",
        "webhook-timestamp",
        "webhook-request-origin",
        "x-github-delivery",
        "x-github-event",
        "x-github-hook-id",
        "x-shopify-api-version",
        "x-shopify-event-id",
        "x-shopify-name",
        "x-shopify-shop-domain",
        "x-shopify-test",
        "x-shopify-topic",
        "x-shopify-triggered-at",
        "x-shopify-webhook-id",
        "x-slack-request-timestamp",
        "x-slack-retry-num",
        "x-slack-retry-reason",
    }
)
"""Names, in lower case, of the headers whose values a log may show. Any other may hold a credential or a signature."""

LONGEST_SHOWN = 200
MASK = "***"


class Headers(Iterable[tuple[str, str]]):
    """The headers of one request, in their order, names in lower case; one that came twice is there twice.

    :param pairs: names and values as they came; bytes are read as Latin-1, as HTTP has it.
    """

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Iterable[tuple[str | bytes, str | bytes]] = ()) -> None:
        self._pairs = tuple((_text(name).lower(), _text(value)) for name, value in pairs)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._pairs)

    def __repr__(self) -> str:
        return f"Headers({list(self.loggable())})"

    def __eq__(self, other: object) -> bool:
        return self._pairs == other._pairs if isinstance(other, Headers) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._pairs)

    def all(self, name: str) -> list[str]:
        """Every value of that header."""
        wanted = name.lower()
        return [value for known, value in self._pairs if known == wanted]

    def only(self, name: str) -> str | None:
        """The value of that header; None if it is missing, and if it came twice, since neither holds then."""
        values = self.all(name)
        return values[0].strip(" \t") if len(values) == 1 else None

    def loggable(self) -> Iterator[tuple[str, str]]:
        """What a log may show: every name, and the values of those in ``LOGGABLE``, cut short and in plain ASCII."""
        for name, value in self._pairs:
            yield _shown(name), _shown(value) if name in LOGGABLE else MASK


def _text(given: str | bytes) -> str:
    return given.decode("latin-1") if isinstance(given, bytes) else given


def _shown(text: str) -> str:
    return ascii(text[:LONGEST_SHOWN])[1:-1]
