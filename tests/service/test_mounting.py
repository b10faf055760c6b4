from __future__ import annotations

from collections.abc import Callable

from anyio.from_thread import BlockingPortal
from starlette.applications import Starlette
from starlette.routing import Mount

from interpreter import AsyncScheduler
from interpreter.service import create_app
from tests.service.calling import Api, fetch, serving


def test_it_is_mounted_in_another_application_under_any_path(portal: BlockingPortal, scheduler: AsyncScheduler) -> None:
    around = Starlette(routes=[Mount("/my flows", create_app(scheduler))])
    api = Api(portal, around)
    started = api.post("/my%20flows/api/workflows/desk%2Fadd/executions", {"args": [1], "id": "a/b"})
    assert started.status_code == 202 and started.headers["location"] == "/my%20flows/api/executions/a%2Fb"
    assert api.get(started.headers["location"] + "/result?wait=20").json()["result"] == 11
    page = api.get("/my%20flows/api/executions?limit=1").json()
    assert page["next"].startswith("/my%20flows/api/executions?") and api.get(page["next"]).status_code == 200
    assert api.get("/my%20flows/openapi.json").json()["servers"] == [{"url": "/my%20flows"}]
    assert api.get("/api/executions").status_code == 404


def test_by_itself_it_opens_a_client_of_its_own_and_closes_it(
    portal: BlockingPortal, new_database: Callable[[], str]
) -> None:
    app = create_app(new_database())
    with portal.wrap_async_context_manager(serving(app)) as address:
        assert fetch("GET", f"{address}/readyz").status_code == 200
        started = fetch("POST", f"{address}/api/workflows/desk%2Fadd/executions", json={"args": [1]})
        assert fetch("GET", address + started.headers["location"]).json()["status"] == "pending"
    assert Api(portal, app).get("/readyz").status_code == 503
