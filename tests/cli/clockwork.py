"""A workflow whose moments are far between."""

from __future__ import annotations

from dataflows import Event, Flow, cron, every, step, workflow


@workflow("yearly", trigger=[cron("0 0 1 1 *", tz="Europe/Berlin"), every("30000d")])
def yearly(event: Event) -> Flow[str]:
    return (yield from step("tell", lambda: event.time and event.time.isoformat()))
