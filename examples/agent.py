"""An agent: a model is asked again and again, and what it wants done is done by tools, until it has an answer.

Every turn and every tool is a step: after a crash nothing is asked or done again that was answered before.
``python -m examples.agent`` runs it with a model that follows a script.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

from dataflows import Error, Flow, Outcome, Retry, Step, step, workflow
from dataflows.recipes import gather_outcomes
from examples.telling import tell
from interpreter import Scheduler


class TooManyTurns(Exception):
    """The model goes round in circles."""


class NoSuchTool(Exception):
    """The model asks for what there is not."""


class ToolCall(TypedDict):
    """Plain dicts are kept as JSON, so that the history can be read."""

    tool: str
    argument: str


class Message(TypedDict):
    """Of a user, a model or a tool; a model's message without calls is its answer."""

    role: str
    text: str
    calls: list[ToolCall]


@workflow("agent", retry=Retry(attempts=3, never=(NoSuchTool, ValueError)))
def agent(question: str, most_turns: int = 8) -> Flow[str]:
    """The model's answer."""
    messages = [message("user", question)]
    for turn in range(1, most_turns + 1):
        reply = yield from step(f"turn-{turn}", ask_model, messages, timeout="2m")
        if not reply["calls"]:
            return reply["text"]
        outcomes = yield from gather_outcomes(*map(using, reply["calls"]), limit=4)
        messages = [*messages, reply, *(message("tool", in_words(outcome)) for outcome in outcomes)]
    raise TooManyTurns(f"no answer after {most_turns} turns: {question}")


def message(role: str, text: str, *calls: tuple[str, str]) -> Message:
    """One of the conversation, and the tools that it asks for."""
    return {"role": role, "text": text, "calls": [{"tool": tool, "argument": argument} for tool, argument in calls]}


def using(call: ToolCall) -> Step[str]:
    """The step that does what the model asks for."""
    return step(f"tool-{call['tool']}", use_tool, call["tool"], call["argument"], timeout="30s")


def in_words(outcome: Outcome[str]) -> str:
    """What a tool came to; the model is told of errors too, and may try something else."""
    return f"error: {outcome.exception}" if isinstance(outcome, Error) else outcome.value


def use_tool(tool: str, argument: str) -> str:
    """What the tool says; asking for one that there is not is the model's mistake, and not worth another try."""
    if tool not in TOOLS:
        raise NoSuchTool(f"there is no tool {tool!r}, only {', '.join(TOOLS)}")
    return TOOLS[tool](argument)


# What stands here for tools and for a model.

CELSIUS = {"Oslo": 4, "Rome": 18}


def look_up_temperature(town: str) -> str:
    """A thermometer."""
    if town not in CELSIUS:
        raise ValueError(f"no thermometer in {town}")
    return f"{town}: {CELSIUS[town]} °C"


def to_fahrenheit(celsius: str) -> str:
    """A calculator."""
    return f"{float(celsius) * 9 / 5 + 32:.0f} °F"


TOOLS: dict[str, Callable[[str], str]] = {"temperature": look_up_temperature, "fahrenheit": to_fahrenheit}


def ask_model(messages: list[Message]) -> Message:
    """Follows a script: two towns, of which one is unknown, then a conversion, then the answer."""
    results = [message["text"] for message in messages if message["role"] == "tool"]
    if not results:
        return message("model", "", ("temperature", "Rome"), ("temperature", "Atlantis"))
    if len(results) == 2:
        return message("model", "", ("fahrenheit", results[0].split()[1]))
    return message("model", f"It is {results[2]} in Rome; of Atlantis I know nothing.")


def main() -> None:
    """A question that takes three turns, with one tool that fails."""
    with Scheduler() as scheduler:
        tell("the agent", scheduler.start(agent, "How many °F is it in Rome, and in Atlantis?"))


if __name__ == "__main__":
    main()
