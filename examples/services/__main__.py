"""Run both local services until interrupted; where they are is printed as one line of JSON.

With ``--until-eof`` they also end when standard input does, so that they do not outlive the
program that started them with a pipe. ``--minute=2`` gives the minutes of ClickUp's limit so many seconds.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading

from examples.services.azure_devops import LocalAzureDevOps
from examples.services.clickup import EXTERNAL_ID, INBOX, LocalClickUp

STOP = frozenset({signal.SIGINT, signal.SIGTERM})


def main() -> None:
    """Serve until SIGINT, SIGTERM, or the end of the input."""
    # Blocked here and in every thread that is started from now on, so that none is lost before it is waited for.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP)
    with LocalAzureDevOps() as azure_devops, LocalClickUp(minute=_minute()) as clickup:
        print(json.dumps(_addresses(azure_devops, clickup)), flush=True)
        if "--until-eof" in sys.argv[1:]:
            threading.Thread(target=_stop_at_the_end_of_the_input, daemon=True).start()
        signal.sigwait(STOP)


def _minute() -> int:
    return next((int(option.partition("=")[2]) for option in sys.argv[1:] if option.startswith("--minute=")), 60)


def _stop_at_the_end_of_the_input() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _addresses(azure_devops: LocalAzureDevOps, clickup: LocalClickUp) -> dict[str, dict[str, str]]:
    return {
        "azure_devops": {
            "url": azure_devops.url,
            "token": azure_devops.token,
            "control": f"{azure_devops.address}/__control",
        },
        "clickup": {
            "url": clickup.url,
            "token": clickup.token,
            "control": f"{clickup.address}/__control",
            "list_id": INBOX,
            "external_id_field": EXTERNAL_ID,
        },
    }


if __name__ == "__main__":
    main()
