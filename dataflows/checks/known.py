"""What the rules know by name: the functions that read a clock, draw chance, do input or output.

Owns the tables. A name is that by which people know a function (``os.urandom``); ``package.*`` is all that is in it.
"""

from __future__ import annotations

__all__ = [
    "AROUND",
    "ASKS_AROUND",
    "BESIDE",
    "CHANCE",
    "CHANCE_UNLESS_SEEDED",
    "CHANGES",
    "CLOCK",
    "CLOCK_UNLESS_GIVEN",
    "CONNECTOR_CALLS",
    "DATABASES",
    "FILES",
    "HASHES",
    "IDENTIFIERS",
    "LEVELS",
    "NETWORK",
    "NO_CHANCE",
    "SLEEPS",
    "SPEAKS",
]


def _split(words: str) -> list[str]:
    return words.split()


def _names(prefix: str, names: str) -> frozenset[str]:
    return frozenset(f"{prefix}.{name}" for name in _split(names))


CLOCK = (
    _names("time", "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns process_time process_time_ns")
    | _names("time", "thread_time thread_time_ns clock_gettime clock_gettime_ns")
    | _names("datetime.datetime", "now utcnow today")
    | _names("datetime.date", "today")
    | _names("pandas.Timestamp", "now utcnow today")
    | _names("pendulum", "now today tomorrow yesterday")
    | _names("arrow", "now utcnow")
    | _names("django.utils.timezone", "now")
    | _names("os", "times")
)
CLOCK_UNLESS_GIVEN = {
    "time.localtime": 1,
    "time.gmtime": 1,
    "time.ctime": 1,
    "time.asctime": 1,
    "time.strftime": 2,
    "django.utils.timezone.localtime": 1,
}
"""These read the clock when they are called with fewer arguments."""

CHANCE = {"random.*", "secrets.*", "os.urandom", "os.getrandom", "numpy.random.*"}
CHANCE_UNLESS_SEEDED = {"random.Random", "numpy.random.default_rng", "numpy.random.RandomState", "numpy.random.PCG64"}
NO_CHANCE = {"secrets.compare_digest", "numpy.random.Generator", "numpy.random.SeedSequence"}

IDENTIFIERS = _names("uuid", "uuid1 uuid4 uuid6 uuid7 getnode") | {"ulid.new", "ulid.ULID", "nanoid.generate"}
HASHES = {"builtins.hash", "builtins.id"}
AROUND = {"os.environ", "os.environb", "sys.argv"}
ASKS_AROUND = (
    _names("os", "getenv getcwd getpid getppid uname cpu_count getlogin getloadavg")
    | _names("socket", "gethostname getfqdn")
    | {"platform.*", "getpass.getuser", "dataflows.connectors.credentials.setting"}
)

_REQUESTS = "get post put patch delete head options request stream"


FILES = (
    {"builtins.open", "io.open", "builtins.input", "shutil.*", "tempfile.*", "glob.glob", "glob.iglob"}
    | _names("os", "open remove unlink rename replace mkdir makedirs rmdir removedirs listdir scandir walk stat lstat")
    | _names("os", "chmod chown link symlink truncate system popen kill fork read write")
    | _names("os.path", "exists isfile isdir islink getsize getmtime getctime getatime")
    | _names("pathlib.Path", "read_text read_bytes write_text write_bytes open touch unlink mkdir rmdir rename replace")
    | _names("pathlib.Path", "exists is_file is_dir iterdir glob rglob stat lstat chmod cwd home resolve symlink_to")
    | _names("subprocess", "run Popen call check_call check_output getoutput getstatusoutput")
)
NETWORK = (
    frozenset(f"{library}.{name}" for library in ("requests", "httpx", "httpx2") for name in _split(_REQUESTS))
    | {"requests.Session", "requests.session", "requests.Session.*", "httpx.Client.*", "urllib3.*", "aiohttp.request"}
    | {f"{library}.{name}" for library in ("httpx", "httpx2") for name in ("Client", "AsyncClient")}
    | _names("urllib.request", "urlopen urlretrieve")
    | _names("http.client", "HTTPConnection HTTPSConnection")
    | _names("socket", "socket create_connection create_server getaddrinfo gethostbyname gethostbyaddr")
    | {"aiohttp.ClientSession", "smtplib.SMTP", "smtplib.SMTP_SSL", "ftplib.FTP", "imaplib.IMAP4", "boto3.*"}
)
DATABASES = {
    "sqlite3.connect",
    "psycopg.connect",
    "psycopg.Connection.connect",
    "psycopg2.connect",
    "asyncpg.connect",
    "asyncpg.create_pool",
    "pymysql.connect",
    "mysql.connector.connect",
    "pymongo.MongoClient",
    "redis.Redis",
    "redis.from_url",
    "interpreter.Client",
    "interpreter.Scheduler",
}
CONNECTOR_CALLS = tuple(
    _split(
        "get find_ list_ search_ create_ update_ delete cancel_ add_ set_ send_ upload_ request post put patch graphql"
    )
)
"""How the functions of ``dataflows.connectors`` begin that ask a service."""

SLEEPS = {f"{module}.sleep" for module in ("time", "asyncio", "trio", "anyio", "gevent", "eventlet")}
BESIDE = (
    {"threading.*", "multiprocessing.*", "signal.signal", "signal.alarm", "trio.run", "anyio.run"}
    | _names("concurrent.futures", "ThreadPoolExecutor ProcessPoolExecutor wait as_completed")
    | _names("asyncio", "run create_task gather wait wait_for get_event_loop get_running_loop new_event_loop")
    | _names("asyncio", "ensure_future to_thread run_coroutine_threadsafe Runner TaskGroup timeout")
)
_LEVELS = "debug info warning warn error critical exception log"
LEVELS = frozenset(_split(_LEVELS))
"""Methods of a logger."""

SPEAKS = (
    {"builtins.print", "pprint.pprint", "pprint.pp", "warnings.warn", "rich.print", "traceback.print_exc"}
    | _names("sys.stdout", "write")
    | _names("sys.stderr", "write")
    | _names("logging", _LEVELS)
    | _names("logging.Logger", _LEVELS)
    | _names("loguru.logger", _LEVELS)
)

CHANGES = frozenset(
    _split("append appendleft add extend extendleft insert remove discard pop popleft popitem clear update setdefault")
    + _split("sort reverse rotate subtract difference_update intersection_update symmetric_difference_update")
)
"""Methods that change a collection."""
