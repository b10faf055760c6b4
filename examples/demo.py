"""The main job, told as a story: a workflow that survives ``kill -9``. ``make demo`` runs it.

All of it is real: a PostgreSQL server, two HTTP services on loopback sockets, a delivery as Azure
DevOps sends it, workers in processes of their own. It ends with 0 if ClickUp holds exactly one task.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dataflows.connectors import azure_devops as azure
from dataflows.errors import DataflowsError
from examples.copy_to_clickup import copy_to_clickup
from examples.services import LocalAzureDevOps, LocalClickUp
from examples.services.clickup import EXTERNAL_ID, INBOX
from examples.stage import Stage, Worker
from interpreter import Client, Handle, Status

MODULE = "examples.copy_to_clickup"
LEASE = "2s"
UNFINISHED = (Status.PENDING, Status.RUNNING, Status.SUSPENDED)

stage = Stage()


def main() -> int:
    """Tell the story; answers the exit code."""
    begun = time.monotonic()
    with place_for_a_database() as place, Client() as client, LocalAzureDevOps() as devops, LocalClickUp() as clickup:
        check_that_nobody_is_harmed(client)
        introduce(place, devops, clickup)
        execution = deliver(client, devops)
        stage.chapter("A worker runs it, in a process of its own")
        with stage.worker("worker 1", MODULE, "--lease", LEASE) as worker:
            wait_for_approval(execution)
            approve(execution, clickup)
            kill_in_mid_step(execution, worker, clickup)
        stage.chapter(f"Another worker takes over when the dead one's lease of {LEASE} has expired")
        with stage.worker("worker 2", MODULE, "--lease", LEASE) as worker:
            stage.until(lambda: execution.status() is Status.COMPLETED, "the execution is completed")
            worker.stop()
        return judge(execution, clickup, begun)


@contextmanager
def place_for_a_database() -> Iterator[str]:
    """The database that is named, else a folder for one that is gone when the story is over."""
    if "DATAFLOWS_DATABASE_URL" in os.environ:
        yield "the one that DATAFLOWS_DATABASE_URL names"
        return
    with tempfile.TemporaryDirectory(prefix="dataflows-demo-") as folder:
        if os.geteuid() == 0:  # then the server runs as another user, who has to get in
            Path(folder).chmod(0o755)
        os.environ["DATAFLOWS_HOME"] = folder
        yield f"a server of its own in {folder}, removed at the end"


def check_that_nobody_is_harmed(client: Client) -> None:
    """The demo's workers would take up whatever waits in a database that was named."""
    if any(client.list(workflow=copy_to_clickup.name, status=status, limit=1) for status in UNFINISHED):
        sys.exit(
            f"the database that DATAFLOWS_DATABASE_URL names has unfinished executions of {copy_to_clickup.name!r}, "
            "and the demo would run them against its local services: unset it, or name an empty database"
        )


def introduce(place: str, devops: LocalAzureDevOps, clickup: LocalClickUp) -> None:
    """Address and token are all in which the services differ from the real ones."""
    os.environ |= {
        "AZURE_DEVOPS_URL": devops.url,
        "AZURE_DEVOPS_TOKEN": devops.token,
        "CLICKUP_URL": clickup.url,
        "CLICKUP_TOKEN": clickup.token,
        "CLICKUP_LIST": INBOX,
        "CLICKUP_EXTERNAL_ID_FIELD": EXTERNAL_ID,
        "COOL_DOWN": "1s",
    }
    stage.chapter("A database, and two local services that speak the real ones' protocols")
    stage.fact("PostgreSQL", place)
    stage.fact("Azure DevOps", devops.url)
    stage.fact("ClickUp", clickup.url)


def deliver(client: Client, devops: LocalAzureDevOps) -> Handle[Any]:
    """The execution is started under the delivery's id, so that a redelivery starts nothing."""
    stage.chapter("A bug is filed; Azure DevOps delivers the news, and delivers it again")
    event = azure.parse(devops.delivery(devops.create_item("Checkout total is wrong").id))
    execution, _ = (client.start(copy_to_clickup, event, id=event.id) for _ in range(2))
    stage.fact("event", f"{event.type} of {event.subject}")
    pending = client.list(workflow=copy_to_clickup.name, status=Status.PENDING)
    stage.fact("executions", f"{len(pending)}, under the delivery's id")
    stage.call("ID", execution.id)
    return execution


def wait_for_approval(execution: Handle[Any]) -> None:
    """Nothing but a row in the database waits; the worker might as well be stopped meanwhile."""
    stage.until(lambda: "fetch-item" in journaled(execution), "the item is fetched")
    stage.until(lambda: execution.status() is Status.SUSPENDED, "the execution waits for its approval")
    stage.chapter("The bug is fetched; the workflow waits to be approved, and costs a row")
    stage.run("show", execution.id, "--module", MODULE)


def approve(execution: Handle[Any], clickup: LocalClickUp) -> None:
    """From another process, as a person would."""
    clickup.faults.add("hold-answer", method="POST")
    stage.chapter("Somebody approves")
    stage.run("signal", execution.id, "approval", "--payload", '{"by": "Grace", "priority": 2}')


def kill_in_mid_step(execution: Handle[Any], worker: Worker, clickup: LocalClickUp) -> None:
    """ClickUp has carried the request out and holds its answer back, so nobody here can know of the task."""
    stage.until(lambda: bool(clickup.tasks), "ClickUp has the task")
    stage.chapter("kill -9, in the middle of create-task")
    stage.fact("ClickUp", f"has created task {clickup.tasks[0]['id']}; its answer is on the way")
    stage.fact("the journal", f"has {', '.join(journaled(execution))}, and knows of no task")
    worker.kill()
    stage.fact("the worker", f"process {worker.pid}, got SIGKILL", "bold red")


def judge(execution: Handle[Any], clickup: LocalClickUp, begun: float) -> int:
    """What is left of all this: a journal, and one task."""
    stage.chapter("What the database says")
    stage.run("show", execution.id)
    stage.chapter("What ClickUp says")
    asked = [request.method for request in clickup.requests]
    stage.fact("requests", f"{asked.count('GET')} to look for the bug's task, {asked.count('POST')} to create it")
    tasks = [task["id"] for task in clickup.tasks]
    is_as_promised = tasks == [execution.result()["task"]["id"]]
    verdict = "exactly one task" if is_as_promised else "NOT exactly the one task that the execution answered"
    stage.fact("it holds", f"{verdict}: {', '.join(tasks)}", "bold green" if is_as_promised else "bold red")
    stage.fact("it took", f"{time.monotonic() - begun:.1f} s")
    return 0 if is_as_promised else 1


def journaled(execution: Handle[Any]) -> list[str]:
    """The names that the journal has, in order."""
    return [entry.name for entry in execution.history() if entry.name]


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nstopped; nothing is left behind", file=sys.stderr)
        sys.exit(130)
    except (DataflowsError, TimeoutError) as error:
        sys.exit(f"error: {error}")
