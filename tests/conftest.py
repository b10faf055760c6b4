"""What all tests share: how Hypothesis searches, and one real PostgreSQL for whoever asks for it."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.databases import Server, serving

# A shell without job control starts what it has in the background with SIGINT ignored, and children would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No limit of time for an example: how fast this machine is today says nothing about the code. All else stays as
# Hypothesis has it: under CI=true its choices are the same at every run, elsewhere they are new each time.
settings.register_profile("dataflows", settings(), deadline=None, print_blob=True)
settings.load_profile("dataflows")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """An embedded PostgreSQL of the tests' own; it is gone with the last test."""
    home = Path(tempfile.mkdtemp(prefix="df-", dir="/tmp"))  # short, since a socket's path is
    home.chmod(0o755)
    try:
        with serving(home) as server:
            yield server
    finally:
        shutil.rmtree(home)


@pytest.fixture(scope="session")
def new_database(server: Server) -> Callable[[], str]:
    """Makes a database that holds the newest schema and nothing else; answers how libpq reaches it."""
    return server.new_migrated_database


@pytest.fixture(scope="module")
def database(new_database: Callable[[], str]) -> str:
    """One for the tests of a module: they choose ids that do not meet."""
    return new_database()
