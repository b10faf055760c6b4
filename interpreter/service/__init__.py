"""The HTTP API: starting executions and looking after them, from any language.

::

    app.py            the application, put together: create_app
    server.py         a server for it: uvicorn with httptools, and deadlines and bounds for clients
    routes.py         what is served where, and for whom
    guard.py          what happens to every request
    security.py       tokens; where a request may come from
    limits.py         how much is taken of a request, and for how long it is waited for
    paths.py          paths, segment by segment
    call.py           a request, as the handlers see it
    bodies.py         JSON that came from outside
    members.py        the members of an object, or parameters, read as what they have to be
    tags.py           tags in a request
    desk.py           the client, bounded in time
    starting.py       workflows, and starting executions
    executions.py     the list, one, its history, its result
    events_stream.py  an execution as it goes on
    control.py        cancel, terminate, pause, resume, retry, fork, delete
    signals.py        signals to one execution, events by key
    hooks.py          deliveries of services; intake.py, how they are committed together
    callbacks.py      questions that somebody outside answers; callback_page.py, the page that asks
    schedules.py      the schedules of workflows
    ended.py          an execution that has ended, told from one that does not exist
    health.py         whether the process lives and can work
    answers.py        what is answered, as JSON
    problems.py       what is answered where it cannot be done
    openapi.py        all this in OpenAPI's words; schemas.py, what the documents are made of

It performs nothing: executions are run by schedulers, in this process or others. Nothing that comes in through it
passes through dill, and nothing that dill has stored is made again for a reader.
"""

from interpreter.service.app import create_app
from interpreter.service.limits import Limits
from interpreter.service.security import Token

__all__ = ["Limits", "Token", "create_app"]
