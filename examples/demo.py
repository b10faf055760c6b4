"""The main job, told as a story: a workflow that survives ``kill -9``. ``make demo`` runs it.

All of it is real: a PostgreSQL server, two HTTP services on loopback sockets, a service hook that delivers over HTTP
by the rules of Azure DevOps, a server of workflows in a process of its own. It ends with 0 if ClickUp holds exactly
one task.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dataflows.errors import DataflowsError
from examples.copy_to_clickup import HOOK_USER, copy_to_clickup
from examples.services import LocalAzureDevOps, LocalClickUp
from examples.services.clickup import EXTERNAL_ID, INBOX
from examples.services.subscriptions import Notification
from examples.stage import Process, Stage
from interpreter import Client, Handle, Status

MODULE = "examples.copy_to_clickup"
HOOK = "/hooks/azure-devops"
LEASE = "2s"
UNFINISHED = (Status.PENDING, Status.RUNNING, Status.SUSPENDED)

stage = Stage()


def main() -> int:
    """Tell the story; answers the exit code."""
    begun = time.monotonic()
    with place_for_a_database() as place, Client() as client, LocalAzureDevOps() as devops, LocalClickUp() as clickup:
        check_that_nobody_is_harmed(client)
        introduce(place, devops, clickup)
        stage.chapter("A server runs the workflow, and Azure DevOps is told where to deliver")
        port = free_port()
        serve, address = ("serve", MODULE, "--port", f"{port}", "--lease", LEASE), f"http://127.0.0.1:{port}"
        with stage.process("server 1", *serve) as server:
            subscribe(devops, address, server)
            delivery = file_a_bug(devops)
            execution = find_execution(client, delivery)
            wait_for_approval(execution)
            approve(execution, address, clickup)
            kill_in_mid_step(execution, server, clickup)
        deliver_to_nobody(devops, delivery)
        stage.chapter(f"Another server in its place takes over when the dead one's lease of {LEASE} has expired")
        with stage.process("server 2", *serve) as server:
            stage.until(lambda: execution.status() is Status.COMPLETED, "the execution is completed")
            stage.until(lambda: delivery.is_settled, "Azure DevOps is answered")
            server.stop()
        return judge(client, execution, delivery, clickup, begun)


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
    """The demo's servers would take up whatever waits in a database that was named."""
    if any(client.list(workflow=copy_to_clickup.name, status=status, limit=1) for status in UNFINISHED):
        sys.exit(
            f"the database that DATAFLOWS_DATABASE_URL names has unfinished executions of {copy_to_clickup.name!r}, "
            "and the demo would run them against its local services: unset it, or name an empty database"
        )


def introduce(place: str, devops: LocalAzureDevOps, clickup: LocalClickUp) -> None:
    """Addresses and secrets are all in which the services differ from the real ones."""
    os.environ |= {
        "AZURE_DEVOPS_URL": devops.url,
        "AZURE_DEVOPS_TOKEN": devops.token,
        "AZURE_DEVOPS_HOOK_PASSWORD": secrets.token_urlsafe(),
        "CLICKUP_URL": clickup.url,
        "CLICKUP_TOKEN": clickup.token,
        "CLICKUP_LIST": INBOX,
        "CLICKUP_EXTERNAL_ID_FIELD": EXTERNAL_ID,
        "COOL_DOWN": "1s",
        "DATAFLOWS_API_TOKENS": "",  # it serves this machine alone
    }
    stage.chapter("A database, and two local services that speak the real ones' protocols")
    stage.fact("PostgreSQL", place)
    stage.fact("Azure DevOps", devops.url)
    stage.fact("ClickUp", clickup.url)


def free_port() -> int:
    """One that both servers can have, one after the other: who delivers knows one address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def subscribe(devops: LocalAzureDevOps, address: str, server: Process) -> None:
    """In a browser, this is a form of the project's settings."""
    stage.until(lambda: server.has_said(HOOK), "the server serves")
    devops.hooks.subscribe(f"{address}{HOOK}", HOOK_USER, os.environ["AZURE_DEVOPS_HOOK_PASSWORD"])
    stage.fact("service hook", f"workitem.created → {address}{HOOK}, with a password")


def file_a_bug(devops: LocalAzureDevOps) -> Notification:
    """It is answered when the delivery is committed; what that starts is decided afterwards."""
    stage.chapter("A bug is filed, and Azure DevOps delivers the news")
    item = devops.create_item("Checkout total is wrong")
    [delivery] = devops.hooks.notifications
    stage.until(lambda: delivery.is_settled, "the delivery is answered")
    stage.fact("the bug", f"{item.label}: {item.fields['System.Title']}")
    tell_answers(delivery)
    return delivery


def find_execution(client: Client, delivery: Notification) -> Handle[Any]:
    """What the delivery has started; its id is made of the delivery's."""
    stage.until(lambda: bool(started_by(client, delivery)), "an execution is started")
    id, *_ = started_by(client, delivery)
    stage.call("ID", id)
    return client.handle(id)


def started_by(client: Client, delivery: Notification) -> list[str]:
    """The ids of all executions that a delivery has started, however often it came."""
    event_id = json.loads(delivery.body)["id"]
    return [each.id for each in client.list(workflow=copy_to_clickup.name) if event_id in each.id]


def wait_for_approval(execution: Handle[Any]) -> None:
    """Nothing but a row in the database waits; the server might as well be stopped meanwhile."""
    stage.until(lambda: "fetch-item" in journaled(execution), "the item is fetched")
    stage.until(lambda: execution.status() is Status.SUSPENDED, "the execution waits for its approval")
    stage.chapter("The workflow has fetched the bug; now it waits to be approved, and costs a row")
    stage.run("show", execution.id, "--module", MODULE)


def approve(execution: Handle[Any], address: str, clickup: LocalClickUp) -> None:
    """By HTTP, from wherever a person is asked."""
    clickup.faults.add("hold-answer", method="POST")
    stage.chapter("Somebody approves")
    approval = f"{address}/api/executions/{quote(execution.id, safe=':')}/signals/approval"
    stage.call("APPROVAL", approval)
    stage.post(approval, {"by": "Grace", "priority": 2})


def kill_in_mid_step(execution: Handle[Any], server: Process, clickup: LocalClickUp) -> None:
    """ClickUp has carried the request out and holds its answer back, so nobody here can know of the task."""
    stage.until(lambda: bool(clickup.tasks), "ClickUp has the task")
    stage.chapter("kill -9, in the middle of create-task")
    stage.fact("ClickUp", f"has created task {clickup.tasks[0]['id']}; its answer is on the way")
    stage.fact("the journal", f"has {', '.join(journaled(execution))}, and knows of no task")
    server.kill()
    stage.fact("the server", f"process {server.pid}, got SIGKILL", "bold red")


def deliver_to_nobody(devops: LocalAzureDevOps, delivery: Notification) -> None:
    """Deliveries come at least once; this one has come already."""
    tries = len(delivery.answers)
    stage.chapter("Azure DevOps delivers the bug once more, and nobody is there")
    devops.hooks.send_again(delivery)
    stage.until(lambda: len(delivery.answers) > tries, "a try has failed")
    stage.fact("Azure DevOps", "got no answer, and tries again in 1 second, then in 2, 4, 8, …")


def judge(client: Client, execution: Handle[Any], delivery: Notification, clickup: LocalClickUp, begun: float) -> int:
    """What is left of all this: a delivery, a journal, and one task."""
    stage.chapter("What Azure DevOps was answered, try by try")
    tell_answers(delivery)
    stage.chapter("What the database says")
    started = started_by(client, delivery)
    stage.fact("executions", f"{len(started)}, started by {len(delivery.answers)} tries to deliver one bug")
    stage.run("show", execution.id)
    stage.chapter("What ClickUp says")
    asked = [request.method for request in clickup.requests]
    stage.fact("requests", f"{asked.count('GET')} to look for the bug's task, {asked.count('POST')} to create it")
    tasks = [task["id"] for task in clickup.tasks]
    is_as_promised = started == [execution.id] and tasks == [execution.result()["task"]["id"]]
    verdict = "exactly one task" if is_as_promised else "NOT exactly the one task that the execution answered"
    stage.fact("it holds", f"{verdict}: {', '.join(tasks)}", "bold green" if is_as_promised else "bold red")
    stage.fact("it took", f"{time.monotonic() - begun:.1f} s")
    return 0 if is_as_promised else 1


def tell_answers(delivery: Notification) -> None:
    """What each try has come to."""
    for number, answer in enumerate(delivery.answers, 1):
        told = "no answer" if answer.status is None else f"{answer.status}, {json.loads(answer.text)['status']}"
        stage.fact(f"try {number}", told)


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
