"""The API on an event loop of its own, beside a real scheduler: called in this process, or on a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from interpreter import AsyncScheduler, Scheduler
from interpreter.service import Limits, create_app
from tests.service import desks
from tests.service.calling import Api, serving

assert desks.HOSTILE  # its workflows are registered

_numbers = count(1)

PUBLIC = "https://flows.example/ours"

QUICK = Limits(body=64 * 1024, receive=0.4, send=0.5, database=5.0, result=100_000, streams=8)


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal(backend_options={"use_uvloop": True}) as portal:  # as `dataflows serve` does
        yield portal


@pytest.fixture(scope="session")
def database(new_database: Callable[[], str]) -> str:
    """One for all tests of the API: they choose ids that do not meet."""
    return new_database()


@pytest.fixture(scope="session")
def scheduler(portal: BlockingPortal, database: str) -> Iterator[AsyncScheduler]:
    with portal.wrap_async_context_manager(Scheduler(database, grace=1, public_url=PUBLIC)) as scheduler:
        yield scheduler


@pytest.fixture(scope="session")
def new_api(portal: BlockingPortal, scheduler: AsyncScheduler) -> Callable[..., Api]:
    """Makes an API with other settings; ``transport`` for who calls it."""

    def make(transport: dict[str, Any] | None = None, **settings: Any) -> Api:
        return Api(portal, create_app(scheduler, **{"limits": QUICK, **settings}), **(transport or {}))

    return make


@pytest.fixture(scope="session")
def api(new_api: Callable[..., Api]) -> Api:
    return new_api()


@pytest.fixture(scope="session")
def on_a_socket(portal: BlockingPortal, scheduler: AsyncScheduler) -> Callable[..., Any]:
    """Serves the API on a socket while its context lasts; gives the address."""

    @contextmanager
    def serve(**settings: Any) -> Iterator[str]:
        app = create_app(scheduler, **{"limits": QUICK, **settings})
        with portal.wrap_async_context_manager(serving(app)) as address:
            yield address

    return serve


@pytest.fixture(scope="session")
def address(on_a_socket: Callable[..., Any]) -> Iterator[str]:
    with on_a_socket() as address:
        yield address


@pytest.fixture
def id() -> str:
    """An id that no other test has."""
    return f"desk-{next(_numbers)}"
