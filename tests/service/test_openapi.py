from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from interpreter.service.openapi import DOCUMENT
from interpreter.service.routes import ROUTES
from interpreter.service.schemas import SCHEMAS
from interpreter.service.security import Access
from tests.service.calling import Api, problem


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            if method != "parameters":
                yield method.upper(), path, operation


def described(path: str) -> str:
    """A route's path in OpenAPI's words."""
    return re.sub(r"\{(\w+):\w+\}", r"{\1}", path)


def test_every_route_is_described_and_nothing_else_is() -> None:
    routed = {(each.method, described(each.path)) for each in ROUTES}
    assert {(method, path) for method, path, _ in operations()} == routed


def test_what_needs_no_token_says_so_and_what_needs_one_does_not() -> None:
    is_open = {
        (each.method, described(each.path)) for each in ROUTES if each.access not in (Access.READING, Access.WRITING)
    }
    said = {(method, path) for method, path, operation in operations() if operation.get("security") == []}
    assert said == is_open


def test_every_schema_is_used_and_every_reference_leads_somewhere() -> None:
    named = set(re.findall(r"'#/components/schemas/(\w+)'", repr(DOCUMENT)))
    assert named == set(SCHEMAS)
    answers = set(re.findall(r"'#/components/responses/(\w+)'", repr(DOCUMENT)))
    assert answers == set(DOCUMENT["components"]["responses"])


def test_each_operation_has_an_id_of_its_own() -> None:
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(ids)) == len(ids)


def test_each_parameter_of_a_path_is_described_by_what_it_is() -> None:
    said: dict[str, set[str]] = {}
    for path, methods in DOCUMENT["paths"].items():
        parameters = {each["name"]: each["description"] for each in methods.get("parameters", ())}
        assert list(parameters) == re.findall(r"\{(\w+)\}", path)
        for name, description in parameters.items():
            said.setdefault(name, set()).add(description)
    assert {name for name, words in said.items() if "execution" in str(words)} == {"id"}
    assert all(len(words) == 1 for words in said.values())
    assert len(set.union(*said.values())) == len(said)


def test_the_document_is_served(api: Api) -> None:
    served = api.get("/openapi.json").json()
    assert served.pop("servers") == [{"url": "/"}]
    assert served == DOCUMENT and served["openapi"].startswith("3.1")


@pytest.mark.parametrize("path", sorted({path.replace("{", "").replace("}", "") for _, path, _ in operations()}))
def test_a_method_that_is_not_described_is_not_allowed(api: Api, path: str) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
        described = {m for m, p, _ in operations() if p.replace("{", "").replace("}", "") == path}
        if method not in described:
            refused = api.request(method, path)
            assert problem(refused) == (405, "method-not-allowed")
            assert set(refused.headers["allow"].split(", ")) - {"HEAD"} == described


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/", "/api/executions/", "/api/nix", "//api/executions", "/healthz/"]
)
def test_what_is_not_described_is_not_there(api: Api, path: str) -> None:
    assert problem(api.get(f"http://localhost{path}")) == (404, "not-found")
