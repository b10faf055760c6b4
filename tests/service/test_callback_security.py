"""Who may answer a question, what its page can do, and where its token is not to be found."""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from collections.abc import Callable

import pytest
from anyio.from_thread import BlockingPortal
from starlette.applications import Starlette
from starlette.routing import Mount

from interpreter import AsyncScheduler
from interpreter.service import create_app
from tests.databases import opened
from tests.service.calling import Api, problem
from tests.service.desks import HOSTILE
from tests.service.questions import BROWSER, FORM, PROGRAM, Page, ask
from tests.store.desk import one

NewApi = Callable[..., Api]
SECRET = "s3cret-of-the-api"


# The page ---------------------------------------------------------------------------------------


PLAIN = {"html", "head", "meta", "title", "style", "body", "main", "h1", "p", "time"}
WITH_A_FORM = PLAIN | {"form", "label", "span", "textarea", "div", "button"}


def test_the_page_runs_nothing_loads_nothing_and_is_shown_in_no_other(api: Api) -> None:
    _, path = ask(api)
    answered = api.get(path, headers=BROWSER)
    headers, page = answered.headers, Page(answered)
    [style] = re.findall(r"<style>(.*?)</style>", answered.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert headers["content-security-policy"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert headers["x-frame-options"] == "DENY" and headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store" and headers["referrer-policy"] == "same-origin"
    assert headers["x-robots-tag"] == "noindex, nofollow"
    assert page.tags == WITH_A_FORM
    assert not {name for name, _ in page.attributes if name.startswith("on") or name in ("href", "src", "action")}
    assert "url(" not in style and "@import" not in style


def test_what_an_author_or_somebody_outside_has_written_stays_text(api: Api) -> None:
    hostile = f'{HOSTILE}"><svg onload=alert(1)>\x9b2J'
    shown = hostile.replace("\r\n", "\n")
    for character in "\x1b\x9b\u202e":
        shown = shown.replace(character, "\ufffd")
    id, path = ask(api, title=hostile, text=f"{hostile}\U0001f4a5", choices=[hostile, "javascript:alert(1)"])
    page = Page(api.get(path, headers=BROWSER))
    assert page.tags == WITH_A_FORM and page.text.count(shown[1:]) == 4  # the document's title, heading, text, button
    assert not {name for name, _ in page.attributes if name.startswith("on")}
    assert api.post(path, {"choice": hostile, "comment": hostile}).status_code == 200
    page = Page(api.get(path, headers=BROWSER))
    assert page.tags == PLAIN | {"strong", "blockquote"} and page.text.count(shown[1:]) == 5
    assert api.result(id)["result"] == {"choice": hostile, "comment": hostile}, "and nothing of it is lost"


def test_half_a_character_breaks_no_page(api: Api, database: str) -> None:
    id, path = ask(api)
    with opened(database) as connection:
        question = rb'{"title": "a\ud800\u0000b", "text": "\udfff", "choices": ["\ud83d"]}'
        connection.execute(
            "UPDATE dataflows.callbacks SET question = %s WHERE execution_id = %s", [question, id], prepare=False
        )
    page = Page(api.get(path, headers=BROWSER))
    assert "a\ufffd\ufffdb" in page.text and page.buttons == ["\ufffd"]


def test_mounted_under_a_path_the_form_leads_back_to_the_page(
    api: Api, portal: BlockingPortal, scheduler: AsyncScheduler
) -> None:
    around = Api(portal, Starlette(routes=[Mount("/my flows", create_app(scheduler))]))
    _, path = ask(api)
    answered = around.request("POST", f"/my%20flows{path}", content="choice=approve", headers=FORM)
    assert answered.status_code == 303
    followed = around.get(str(answered.url.join(answered.headers["location"])), headers=BROWSER)
    assert "Answered: Approve" in Page(followed).text


# Who may answer ---------------------------------------------------------------------------------


def test_the_address_is_all_that_is_asked_for_from_wherever(api: Api, new_api: NewApi) -> None:
    elsewhere = {"client": ("203.0.113.7", 50_000)}
    for guarded in (new_api(elsewhere, tokens=[SECRET]), new_api(elsewhere, public_url="http://localhost")):
        _, path = ask(api)
        assert guarded.get("/api/executions").status_code in (401, 403)
        assert guarded.get(path, headers=BROWSER).status_code == 200
        assert guarded.request("POST", path, content="choice=approve", headers=FORM).status_code == 303


@pytest.mark.parametrize("host", ["flows.example", "FLOWS.example:443", "localhost", "127.0.0.1:8787"])
def test_it_is_answered_under_the_public_name_and_the_rest_is_not(api: Api, new_api: NewApi, host: str) -> None:
    public = new_api(public_url="https://flows.example/ours")
    _, path = ask(api)
    assert public.get(path, headers={**BROWSER, "Host": host}).status_code == 200
    is_here = not host.lower().startswith("flows")
    assert (public.get("/api/executions", headers={"Host": host}).status_code == 200) is is_here


def test_under_a_name_that_is_not_known_it_is_not_answered(api: Api, new_api: NewApi) -> None:
    _, path = ask(api)
    for settings in ({}, {"hosts": ["flows.example"]}, {"public_url": "https://flows.example"}):
        refused = new_api(**settings).get(path, headers={**PROGRAM, "Host": "rebound.example"})
        assert problem(refused) == (421, "wrong-host")


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost", "http://localhost"),
        ("localhost", "https://localhost"),
        ("127.0.0.1:8787", "https://flows.example"),
        ("flows.example", "https://flows.example"),
        ("localhost", "https://console.example"),
    ],
)
def test_its_own_page_answers_it_also_behind_what_speaks_for_the_server(
    api: Api, new_api: NewApi, host: str, origin: str
) -> None:
    public = new_api(public_url="https://Flows.example:443/ours", origins=["https://console.example"])
    _, path = ask(api)
    headers = {**FORM, "Host": host, "Origin": origin}
    assert public.request("POST", path, content="choice=approve", headers=headers).status_code == 303


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://flows.example.evil", "http://localhost:1"])
def test_a_page_of_another_origin_answers_nothing_not_even_with_the_token(
    api: Api, new_api: NewApi, origin: str
) -> None:
    public = new_api(public_url="https://flows.example")
    _, path = ask(api)
    refused = public.request("POST", path, content="choice=approve", headers={**FORM, "Origin": origin})
    assert problem(refused) == (403, "forbidden")
    assert api.get(path, headers=PROGRAM).json()["state"] == "open"


@pytest.mark.parametrize("url", ["flows.example", "ftp://flows.example", "https://", "https://a b", "https://u:p@h/"])
def test_a_public_url_that_cannot_be_is_refused(scheduler: AsyncScheduler, url: str) -> None:
    with pytest.raises(ValueError, match="a public URL is written like https://flows.example"):
        create_app(scheduler, public_url=url)


# Where the token is not -------------------------------------------------------------------------


def test_the_token_is_in_no_log_no_problem_and_no_history(
    api: Api, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    id, path = ask(api)
    token = path.rpartition("/")[2]
    said = [
        api.get(path, headers=BROWSER),
        api.get(path, headers=PROGRAM),
        api.post(path, {"choice": "maybe"}),
        api.post(path, {"choice": "approve"}),
        api.post(path, {"choice": "approve"}),
        api.request("PUT", path),
        api.get(path, headers={"Host": "rebound.example"}),
        api.get(f"/api/executions/{id}/history"),
        api.get(f"/api/executions/{id}/events"),
        api.get(f"/my{path}"),
    ]
    [entry] = [each for each in said[7].json()["entries"] if each["kind"] == "callback"]
    assert (entry["name"], entry["text"]) == ("approval", '"https://flows.example/ours/callbacks/…"')
    published = '"published"'  # the workflow of these tests publishes the address; that is its own affair
    told = [line for each in said for line in re.split(r"[\n{}]", each.text) if published not in line]
    assert not [line for line in told if token in line]
    logged = "\n".join(each.getMessage() for each in caplog.records if each.name.startswith("dataflows"))
    assert logged.count("/callbacks/\\u2026'") == len(said) - 2 and token not in logged
    with opened(database) as connection:
        stored = "SELECT payload FROM dataflows.history WHERE execution_id = %s AND kind = 'callback'"
        assert one(connection, stored, id) is None
        digest = one(connection, "SELECT digest FROM dataflows.callbacks WHERE execution_id = %s", id)
        assert digest == hashlib.sha256(token.encode()).digest()
