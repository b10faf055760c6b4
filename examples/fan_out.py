"""A catalogue of many pages is fetched, four at a time, and a few of them may be damaged.

``python -m examples.fan_out`` fetches two catalogues: one with a page that cannot be read, and one with too many.
"""

from __future__ import annotations

from dataclasses import dataclass

from dataflows import Flow, Retry, Value, current_attempt, step, workflow
from dataflows.recipes import gather_outcomes
from examples.telling import tell
from interpreter import Scheduler


class Damaged(Exception):
    """The page is there, and will never be readable."""


@dataclass(frozen=True)
class Imported:
    """What could be read, and which pages could not."""

    articles: tuple[str, ...]
    missing: tuple[int, ...]


@workflow("import-catalogue", retry=Retry(first="50ms", never=(Damaged,)))
def import_catalogue(catalogue: str, at_once: int = 4, tolerate: int = 2) -> Flow[Imported]:
    """All articles in order, and the numbers of the pages that could not be read."""
    numbers = range(1, (yield from step("count-pages", count_pages, catalogue)) + 1)
    fetches = (step(f"page-{number}", fetch_page, catalogue, number, timeout="30s") for number in numbers)
    outcomes = yield from gather_outcomes(*fetches, limit=at_once, tolerate=tolerate)
    pages = dict(zip(numbers, outcomes, strict=True))
    return Imported(
        articles=tuple(article for page in pages.values() if isinstance(page, Value) for article in page.value),
        missing=tuple(number for number, page in pages.items() if not isinstance(page, Value)),
    )


# What stands here for a service with pages.

PAGES = {
    "garden": ["rake", "spade", "", "hose", "pot", "seeds", "hoe", "fence", "gate", "lamp"],
    "attic": ["trunk", "", "", "", "rope"],
}
"""By catalogue; a page without an article is damaged."""


def count_pages(catalogue: str) -> int:
    """How many there are."""
    return len(PAGES[catalogue])


def fetch_page(catalogue: str, number: int) -> list[str]:
    """Every fifth page does not come at the first attempt."""
    if number % 5 == 0 and current_attempt().number == 1:
        raise ConnectionError("try again")
    if not (article := PAGES[catalogue][number - 1]):
        raise Damaged(f"page {number} of {catalogue}")
    return [article]


def main() -> None:
    """A catalogue that is imported but for a page, and one that is not worth it."""
    with Scheduler() as scheduler:
        tell("garden", scheduler.start(import_catalogue, "garden"))
        tell("attic", scheduler.start(import_catalogue, "attic"))


if __name__ == "__main__":
    main()
