"""Turns at limits, in the database: who has one, who is next, and that nothing keeps a place for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from psycopg import Connection

from dataflows.limits import Limit
from interpreter.store import limits
from interpreter.store.journal import commit
from interpreter.store.records import Batch, TicketEnd
from tests.databases import opened
from tests.store.crowds import crowd, leave_to_autovacuum_nothing
from tests.store.desk import one, step
from tests.store.plans import faults, plan_of, touched
from tests.store.turnstile import LIMIT, Turnstile, alone, standing_clock


@pytest.fixture(scope="module")
def connection(new_database: Callable[[], str]) -> Iterator[Connection[Any]]:
    with opened(new_database()) as connection:
        standing_clock(connection)
        yield connection


# A model ----------------------------------------------------------------------------------------


@dataclass
class Model:
    """The same limit, in a few lines and without any cleverness."""

    limit: Limit
    now: datetime
    waiting: list[str] = field(default_factory=list)
    running: list[str] = field(default_factory=list)
    uses: list[datetime] = field(default_factory=list)
    held_until: datetime | None = None
    proven_at: datetime | None = None

    @property
    def counting(self) -> list[datetime]:
        return [at for at in self.uses if self.limit.period is not None and at > self.now - self.limit.period]

    def is_free(self) -> bool:
        is_place = self.limit.at_once is None or len(self.running) < self.limit.at_once
        is_in_rate = self.limit.rate is None or len(self.counting) < self.limit.rate
        return is_place and is_in_rate and (self.held_until is None or self.held_until <= self.now)

    def is_unsure(self, since: timedelta) -> bool:
        return self.proven_at is None or self.proven_at <= max(self.held_until or self.now - since, self.now - since)

    def prove(self) -> None:
        if self.limit.period is not None and self.is_unsure(self.limit.period / 2):
            self.proven_at = self.now

    def who_goes_ahead_is_given_up_at(self) -> datetime | None:
        """When the others follow, if somebody has gone ahead."""
        if self.limit.period is None or not self.is_unsure(self.limit.period) or not self.running or not self.uses:
            return None
        return self.uses[-1] + min(self.limit.period, timedelta(seconds=3))

    def grant(self) -> list[str]:
        begun: list[str] = []
        given_up_at = self.who_goes_ahead_is_given_up_at()
        most = 0 if given_up_at is not None and given_up_at > self.now else 1_000
        if self.limit.period is not None and self.is_unsure(self.limit.period) and not self.running:
            most = 1
        while self.waiting and self.is_free() and len(begun) < most:
            begun.append(self.waiting.pop(0))
            self.running.append(begun[-1])
            if self.limit.rate is not None:  # of the time before a limit had a rate, or a longer one, nothing is known
                self.uses = [*self.counting, self.now]
        return begun

    def next(self) -> datetime | None:
        """When the rate allows another, if no place has to become free first."""
        if not self.waiting or (self.limit.at_once is not None and len(self.running) >= self.limit.at_once):
            return None
        times = [self.now] if self.held_until is None else [self.held_until, self.now]
        if self.limit.rate is not None and self.limit.period is not None and len(self.counting) >= self.limit.rate:
            times.append(self.counting[-self.limit.rate] + self.limit.period)
        if (given_up_at := self.who_goes_ahead_is_given_up_at()) is not None:
            times.append(given_up_at)
        return max(times)


LIMITS = some.one_of(
    some.builds(Limit, at_once=some.integers(1, 4)),
    some.builds(Limit, rate=some.integers(1, 5), per=some.integers(1, 4)),
    some.builds(Limit, rate=some.integers(1, 5), per=some.integers(1, 4), at_once=some.integers(1, 4)),
)
STEPS = some.lists(
    some.one_of(
        some.tuples(some.just("ask"), some.integers(1, 6)),
        some.tuples(some.sampled_from(["end", "come back"]), some.integers(0, 3)),
        some.tuples(some.just("wait"), some.sampled_from([0.001, 0.25, 0.5, 1, 2.5])),
        some.tuples(some.just("hold back"), some.sampled_from([0.5, 3])),
        some.tuples(some.just("limit"), LIMITS),
    ),
    max_size=14,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(limit=LIMITS, steps=STEPS)
def test_whatever_happens_turns_are_granted_as_by_the_model(
    connection: Connection[Any], limit: Limit, steps: list[tuple[str, Any]]
) -> None:
    turnstile = Turnstile(connection, limit)
    model = Model(limit, turnstile.now)
    asked = 0
    for what, argument in steps:
        round: dict[str, Any] = {}
        if what == "ask":
            model.waiting += [f"e{number:03}" for number in range(asked, asked + argument)]
            turnstile.hold(*model.waiting[-argument:])
            asked += argument
        elif what in ("end", "come back") and argument < len(model.running):
            round["dropped"] = [alone(model.running.pop(argument))]
            if what == "come back":
                model.prove()
                round["proven"] = {LIMIT}
        elif what == "wait":
            turnstile.wait(argument)
            model.now = turnstile.now
        elif what == "hold back":
            until = model.now + timedelta(seconds=argument)
            model.held_until = max(until, model.held_until or until)
            round["held_back"] = {LIMIT: until}
        elif what == "limit":
            model.limit = argument
            round["known"] = {LIMIT: argument}
        turns = turnstile.play(asked=[(LIMIT, alone(id)) for id in model.waiting], **round)
        assert [place.execution_id for place, is_turn in turns.answers.items() if is_turn] == model.grant()
        assert turns.next.get(LIMIT) == model.next()


# Order, and being woken -------------------------------------------------------------------------


def test_who_asks_first_is_first_and_who_asks_again_keeps_the_place(connection: Connection[Any]) -> None:
    turnstile = Turnstile(connection, Limit(at_once=1))
    assert turnstile.ask("a", "b", "c") == ["a"]
    assert turnstile.ask("d", "c", "b") == []
    order = []
    for running in ("a", "b", "c", "d"):
        turnstile.end(running)
        order += turnstile.ask(*{"b", "c", "d"} - {running, *order})
    assert order == ["b", "c", "d"]


def test_those_whose_turn_it_is_are_woken_in_their_order_and_their_places_are_kept(connection: Connection[Any]) -> None:
    turnstile = Turnstile(connection, Limit(at_once=3))
    assert turnstile.ask(*"abcdefg") == ["a", "b", "c"]
    turnstile.let_go(*"defg")
    turnstile.end("a", "b")
    assert turnstile.woken() == ["d", "e"]
    assert turnstile.ask("h") == []
    turnstile.wait(0.001)
    turnstile.end("c")
    assert turnstile.woken() == ["d", "e", "f"]
    assert turnstile.ask("e") == ["e"]


def test_whose_execution_is_held_has_to_look_before_it_is_let_go(connection: Connection[Any]) -> None:
    turnstile = Turnstile(connection, Limit(at_once=1))
    turnstile.ask("a", "b")
    assert one(connection, "SELECT inbox_seq FROM dataflows.executions WHERE id = 'b'") == 0
    turnstile.end("a")
    assert one(connection, "SELECT inbox_seq FROM dataflows.executions WHERE id = 'b'") == 1
    assert turnstile.woken() == []
    assert turnstile.ask("b") == ["b"]


def test_a_turn_counts_against_the_rate_from_when_it_is_taken_and_not_from_when_it_is_granted(
    connection: Connection[Any],
) -> None:
    turnstile = Turnstile(connection, Limit(2, per="10s"))
    turnstile.prove()
    assert turnstile.ask("a", "b", "c", "d", "e") == ["a", "b"]
    turnstile.let_go("c", "d", "e")
    turnstile.wait(10)
    turnstile.prove()
    assert turnstile.woken() == ["c", "d"]
    turnstile.wait(4)
    assert turnstile.ask("c") == ["c"]
    turnstile.wait(6)
    assert turnstile.ask("e", "d") == ["d"]
    turnstile.wait(4)
    assert turnstile.ask("e") == ["e"]


def test_what_was_told_to_come_back_is_in_front_of_the_others_and_nobody_comes_before(
    connection: Connection[Any], database: str
) -> None:
    turnstile = Turnstile(connection, Limit(at_once=1))
    connection.execute("INSERT INTO dataflows.schedulers (name, expires_at) VALUES ('s', 'infinity')")
    turnstile.scheduler = one(connection, "SELECT max(id) FROM dataflows.schedulers")
    turnstile.ask("a", "b")
    commit(connection, turnstile.scheduler, Batch(lines=[step("a", 1)], turns=[TicketEnd("a", 1, "0", True)]))
    turnstile.play(held_back={LIMIT: turnstile.now + timedelta(seconds=5)})
    assert turnstile.ask("b", "a") == []
    turnstile.wait(4.999)
    assert turnstile.ask("b", "a") == []
    turnstile.wait(0.001)
    assert turnstile.ask("b", "a") == ["a"]
    commit(connection, turnstile.scheduler, Batch(lines=[step("a", 2)], turns=[TicketEnd("a", 1, "0", False)]))
    assert turnstile.ask("b") == ["b"]


# One goes ahead ---------------------------------------------------------------------------------


def test_of_what_nobody_has_used_for_a_while_one_goes_ahead_and_the_others_follow_when_it_has_come_back(
    connection: Connection[Any],
) -> None:
    turnstile = Turnstile(connection, Limit(100, per="60s", at_once=3))
    assert turnstile.ask(*"abcde") == ["a"]
    assert turnstile.ask(*"bcde") == []
    turnstile.play(dropped=[alone("a")], proven={LIMIT})
    assert turnstile.ask(*"bcde") == ["b", "c", "d"]
    turnstile.end(*"bcd")
    turnstile.wait(60)
    assert turnstile.ask(*"efg") == ["e"]


def test_who_goes_ahead_and_stays_away_is_not_waited_for(connection: Connection[Any]) -> None:
    turnstile = Turnstile(connection, Limit(100, per="60s", at_once=3))
    assert turnstile.ask(*"abcd") == ["a"]
    turnstile.wait(2.999)
    assert turnstile.ask(*"bcd") == []
    turnstile.wait(0.001)
    assert turnstile.ask(*"bcd") == ["b", "c"]


def test_after_a_service_has_said_to_wait_one_goes_ahead(connection: Connection[Any]) -> None:
    turnstile = Turnstile(connection, Limit(100, per="60s", at_once=3))
    turnstile.prove()
    assert turnstile.ask(*"abcd") == ["a", "b", "c"]
    turnstile.play(held_back={LIMIT: turnstile.now + timedelta(seconds=5)}, dropped=[alone(id) for id in "abc"])
    turnstile.prove()  # one that was under way when the others were told
    turnstile.wait(5.001)
    assert turnstile.ask(*"def") == ["d"]
    turnstile.play(dropped=[alone("d")], proven={LIMIT})
    assert turnstile.ask(*"ef") == ["e", "f"]


def test_where_there_is_no_rate_nobody_has_to_go_ahead(connection: Connection[Any]) -> None:
    assert Turnstile(connection, Limit(at_once=3)).ask(*"abcd") == ["a", "b", "c"]


def test_a_commit_of_who_has_been_taken_over_ends_no_turn(connection: Connection[Any]) -> None:
    turnstile = Turnstile(connection, Limit(at_once=1))
    turnstile.ask("a")
    with pytest.raises(Exception, match="taken over"):
        commit(connection, 123456, Batch(lines=[step("a", 1)], turns=[TicketEnd("a", 1, "0", False)]))
    assert turnstile.count("tickets") == 1


# Crashes, and what people do --------------------------------------------------------------------


def test_who_takes_over_finds_the_place_and_runs_it_as_another_use(connection: Connection[Any]) -> None:
    turnstile = Turnstile(connection, Limit(2, per="10s"))
    assert turnstile.ask("a") == ["a"]
    turnstile.scheduler = 8
    assert turnstile.ask("b", "a") == ["a"]
    turnstile.wait(10)
    assert turnstile.ask("b") == ["b"]


def test_who_does_not_hold_the_execution_is_not_heard(connection: Connection[Any]) -> None:
    turnstile = Turnstile(connection, Limit(at_once=1))
    turnstile.hold("a")
    turnstile.scheduler = 8
    assert turnstile.play(asked=[(LIMIT, alone("a"))]).answers == {}
    assert turnstile.count("tickets") == 0


def test_tickets_of_what_has_ended_or_was_deleted_or_begun_anew_are_walked_over_once(
    connection: Connection[Any],
) -> None:
    turnstile = Turnstile(connection, Limit(at_once=1))
    assert turnstile.ask(*"abcde") == ["a"]
    turnstile.end_execution("b")
    connection.execute("DELETE FROM dataflows.executions WHERE id = 'c'")
    connection.execute("UPDATE dataflows.executions SET generation = 2 WHERE id = 'd'")
    turnstile.end("a")
    assert turnstile.count("tickets") == 1
    assert turnstile.ask("e") == ["e"]


def test_what_is_paused_is_passed_over_and_has_its_old_place_when_it_is_resumed(connection: Connection[Any]) -> None:
    turnstile = Turnstile(connection, Limit(at_once=1))
    assert turnstile.ask(*"abcd") == ["a"]
    turnstile.pause("b")
    turnstile.end("a")
    assert turnstile.ask("c", "d") == ["c"]
    assert turnstile.woken() == []
    turnstile.resume("b")
    assert turnstile.woken() == ["b"]
    assert turnstile.ask("b") == []
    turnstile.end("c")
    assert turnstile.ask("d", "b") == ["b"]


@pytest.mark.parametrize(
    "what_happened",
    [
        "UPDATE dataflows.executions SET status = 'cancelled' WHERE id = 'a'",
        "DELETE FROM dataflows.executions WHERE id = 'a'",
        "UPDATE dataflows.executions SET generation = 2 WHERE id = 'a'",
        "UPDATE dataflows.executions SET status = 'suspended', scheduler = NULL, paused = true WHERE id = 'a'",
        "UPDATE dataflows.executions SET status = 'blocked', scheduler = NULL WHERE id = 'a'",
    ],
    ids=["it has ended", "it was deleted", "it goes on anew", "it is paused", "it is blocked"],
)
def test_what_will_not_give_its_turn_back_loses_it(connection: Connection[Any], what_happened: str) -> None:
    turnstile = Turnstile(connection, Limit(at_once=1))
    turnstile.ask("a", "b")
    assert limits.look_after(connection) == []
    connection.execute(what_happened.encode())
    assert LIMIT in limits.look_after(connection)
    assert turnstile.ask("b") == ["b"]


def test_a_turn_that_nobody_makes_use_of_is_given_to_another_after_a_while_and_its_place_is_kept(
    connection: Connection[Any],
) -> None:
    turnstile = Turnstile(connection, Limit(at_once=1))
    turnstile.ask("a", "b", "c")
    turnstile.let_go("b")
    turnstile.end("a")
    turnstile.wait(30)
    assert limits.look_after(connection) == []
    turnstile.wait(31)
    assert limits.look_after(connection) == [LIMIT]
    assert turnstile.ask("c") == ["c"]
    turnstile.ask("d")
    turnstile.end("c")
    assert turnstile.ask("d", "b") == ["d"]
    turnstile.end("d")
    assert turnstile.ask("b") == ["b"]


def test_a_place_that_a_crash_left_free_is_seen(connection: Connection[Any]) -> None:
    turnstile = Turnstile(connection, Limit(at_once=1))
    turnstile.ask("a", "b")
    connection.execute("DELETE FROM dataflows.tickets WHERE execution_id = 'a'")  # as a commit does, before a crash
    assert limits.look_after(connection) == [LIMIT]


def test_the_last_word_about_a_limit_counts(connection: Connection[Any]) -> None:
    turnstile = Turnstile(connection, Limit(at_once=1))
    assert turnstile.ask("a", "b", "c") == ["a"]
    limits.know_limits(connection, {LIMIT: Limit(at_once=2)})
    assert turnstile.ask("b", "c") == ["b"]
    limits.know_limits(connection, {LIMIT: Limit(at_once=1)})
    turnstile.end("a")
    assert turnstile.ask("c") == []


# How much there is ------------------------------------------------------------------------------


def test_uses_are_forgotten_when_they_count_no_more(connection: Connection[Any]) -> None:
    turnstile = Turnstile(connection, Limit(3, per="1s"))
    for number in range(12):
        id = f"e{number}"
        if not turnstile.ask(id):
            turnstile.wait(1)
            assert turnstile.ask(id) == [id]
        turnstile.end(id)
    assert turnstile.count("uses") <= 3
    assert turnstile.count("tickets") == 0


def test_a_limit_of_a_workflow_is_forgotten_when_nobody_is_there(connection: Connection[Any]) -> None:
    turnstile = Turnstile(connection, Limit(at_once=1))
    turnstile.hold("a")
    whole = limits.Place("a", 0, "")
    turnstile.play(known={"workflow/w[1]": Limit(at_once=1)}, asked=[("workflow/w[1]", whole)])
    limits.look_after(connection)
    assert turnstile.count("limits") == 2
    turnstile.play(dropped=[whole])
    limits.look_after(connection)
    assert turnstile.count("limits") == 1


def test_who_is_next_is_found_as_soon_among_a_hundred_thousand_as_among_a_hundred(
    new_database: Callable[[], str],
) -> None:
    looked_at = {}
    for waiting in (100, 100_000):
        with opened(new_database()) as connection:
            leave_to_autovacuum_nothing(connection)
            crowd(connection, 400, entries=0, ended=False)
            connection.execute(
                """
                INSERT INTO dataflows.tickets (execution_id, generation, position, limit_name)
                SELECT 'e' || lpad((n %% 400)::text, 7, '0'), 1, 'w' || n, 'clickup'
                FROM generate_series(1, %s) AS n
                """,
                [waiting],
            )
            connection.execute("VACUUM dataflows.tickets")
            plan = plan_of(connection, "grant", "ANALYZE, BUFFERS, FORMAT JSON")
            assert not faults("grant", plan)
            looked_at[waiting] = touched(plan)
    assert looked_at[100_000] < 1.5 * looked_at[100], looked_at
