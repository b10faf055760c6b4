"""Somebody who approves whatever waits for it, by HTTP, and asks again where no answer comes."""

from __future__ import annotations

import threading
from typing import Any, Self
from urllib.parse import quote

import httpx2

__all__ = ["Approver"]

_PAUSE = 0.05


class Approver:
    """Approves until the block is left.

    :param address: of a server that may be away now and then.
    """

    def __init__(self, address: str) -> None:
        self._http = httpx2.Client(base_url=address, timeout=5, trust_env=False)
        self._approved: set[str] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="approver")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._over.set()
        self._thread.join()
        self._http.close()

    def _run(self) -> None:
        while not self._over.wait(_PAUSE):
            try:
                for id in self._found() - self._approved:
                    self._approve(id)
            except httpx2.TransportError:
                pass  # it has been killed; who comes back later finds it in its place again

    def _found(self) -> set[str]:
        listed: dict[str, Any] = self._http.get("/api/executions", params={"limit": "500"}).raise_for_status().json()
        return {each["id"] for each in listed["executions"]}

    def _approve(self, id: str) -> None:
        """Under a key, so that an approval whose answer was lost is not a second one."""
        address = f"/api/executions/{quote(id, safe='')}/signals/approval"
        headers = {"Idempotency-Key": f'"approval of {id}"'}
        self._http.post(address, json={"by": "Grace"}, headers=headers).raise_for_status()
        self._approved.add(id)
