"""Children: each is started once, waited for, and what it comes to reaches its parent once."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from dataflows import ExecutionCancelled, ExecutionTerminated, Flow, Retry, child, step, wait, workflow
from dataflows.errors import CannotStore, IdInUse
from interpreter import Client, Handle, Scheduler, Status, operations
from interpreter.store.records import Parent
from tests.scheduler import family
from tests.scheduler.family import RAN, Parcel, told
from tests.waiting import eventually


def kinds(handle: Handle[Any]) -> list[str]:
    return [entry.kind for entry in handle.history()]


def children_of(database: str, id: str) -> list[str]:
    return [row[0] for row in told(database, "SELECT id FROM dataflows.executions WHERE parent = %s ORDER BY id", id)]


def delete(database: str, id: str) -> bool:
    with Client(database) as client:
        return client.delete(id)


def suspended(handle: Handle[Any]) -> None:
    eventually(lambda: handle.status() is Status.SUSPENDED)


# What it comes to -------------------------------------------------------------------------------


def test_what_a_child_returns_arrives_at_its_parent_with_value_and_type(scheduler: Scheduler, id: str) -> None:
    handle = scheduler.start(family.parent, family.packs.name, 1.5, id=id)
    assert handle.result("20s") == Parcel(1.5, timedelta(days=2))
    assert kinds(handle) == ["started", "begun", "child-started", "child", "completed"]
    assert scheduler.result(f"{id}/1/0") == Parcel(1.5, timedelta(days=2))


def test_a_failure_arrives_as_the_same_exception_and_names_each_child_on_its_way(scheduler: Scheduler, id: str) -> None:
    with pytest.raises(family.OutOfStock, match="no more of it") as caught:
        scheduler.start(family.grandparent, family.fails.name, "no more of it", id=id).result("20s")
    notes = [note for note in caught.value.__notes__ if note.startswith("in child")]
    assert notes == [
        f"in child execution '{id}/1/0/1/0' of workflow 'family/fails'",
        f"in child execution '{id}/1/0' of workflow 'family/parent'",
    ]


def test_a_child_in_a_branch_of_a_race_answers_that_branch(scheduler: Scheduler, id: str) -> None:
    handle = scheduler.start(family.in_a_race, id, id=id)
    suspended(handle)
    scheduler.signal(f"{id}/1/0.0.0", "answer", 7)
    winner = handle.result("20s")
    assert (winner.name, winner.value) == ("child", 7)


def test_a_thousand_children_of_one_parent_run_once_each(scheduler: Scheduler, id: str, database: str) -> None:
    handle = scheduler.start(family.parents, id, 1_000, id=id)
    assert handle.result("60s") == list(range(1_000))
    assert len(children_of(database, id)) == 1_000
    assert {RAN[id, str(number)] for number in range(1_000)} == {1}


def test_an_argument_that_cannot_be_stored_arrives_at_the_yield_and_starts_nothing(
    scheduler: Scheduler, id: str, database: str
) -> None:
    with pytest.raises(CannotStore, match="family/counts"):
        scheduler.start(family.gives_a_lock, id=id).result("20s")
    assert children_of(database, id) == []


# Started once -----------------------------------------------------------------------------------


def test_a_replay_starts_no_second_child(new_scheduler: Callable[..., Scheduler], id: str) -> None:
    with new_scheduler(cached=0) as first:
        handle = first.start(family.parent, family.asks.name, id, id=id)
        suspended(handle)
    for _ in range(2):
        with new_scheduler(cached=0) as again:
            suspended(again.handle(id))
    with new_scheduler(cached=0) as last:
        last.signal(f"{id}/1/0", "answer", "yes")
        assert last.result(id, "20s") == "yes"
        assert len(last.list(workflow=family.asks.name)) == 1
    assert RAN[id, "ask"] == 1


def test_a_child_that_ends_before_its_start_is_journaled_is_not_started_again(
    new_scheduler: Callable[..., Scheduler], id: str
) -> None:
    """Its parent's scheduler has died between the two."""
    with new_scheduler() as first:
        suspended(first.start(family.waits_first, family.counts.name, id, 1, id=id))
    with new_scheduler(workflows=[family.counts]) as of_children:
        of_children.signal(id, "go")
        new = operations.prepare(family.counts, (id, 1), {}, f"{id}/1/1", 0, None, Parent(id, 1, "1"))
        assert of_children._pool.perform(operations.start(new))
        assert of_children.result(new.id, "20s") == 1
    with new_scheduler() as last:
        assert last.result(id, "20s") == 1
        assert kinds(last.handle(id))[2:] == ["signal", "child", "completed"]
    assert RAN[id, "1"] == 1


def test_an_execution_that_has_ended_starts_nothing_more(scheduler: Scheduler, database: str, id: str) -> None:
    handle = scheduler.start(family.asks, id, id=id)
    suspended(handle)
    for generation in (1, 2):
        new = operations.prepare(
            family.counts, (id, 1), {}, f"{id}/{generation}/9", 0, None, Parent(id, generation, "9")
        )
        handle.terminate() if generation == 1 else None
        assert not scheduler._pool.perform(operations.start(new))
        assert not scheduler._pool.perform(operations.start(new, scheduler._host))
    assert children_of(database, id) == []


def test_the_id_of_a_child_is_derived_from_the_place_and_is_never_too_long(scheduler: Scheduler, database: str) -> None:
    long = "l" * 200
    assert scheduler.start(family.parents, "long", 2, id=long).result("20s") == [0, 1]
    assert sorted(map(len, children_of(database, long))) == [64, 64]


# Ids that are taken -----------------------------------------------------------------------------


def test_an_id_of_another_workflow_or_another_parent_is_in_use(scheduler: Scheduler, id: str) -> None:
    scheduler.start(family.asks, "any", id=f"{id}/theirs")
    for of, whose in ((family.fails, "workflow 'family/asks'"), (family.asks, "a client has started")):
        with pytest.raises(IdInUse, match=whose):
            scheduler.start(family.of_another, of.name, f"{id}/theirs").result("20s")


def test_a_client_that_starts_what_is_a_child_is_told_so(scheduler: Scheduler, client: Client, id: str) -> None:
    suspended(scheduler.start(family.parent, family.asks.name, id, id=id))
    for verbs in (scheduler, client):
        with pytest.raises(IdInUse, match=f"execution '{id}' has started"):
            verbs.start(family.asks, id, id=f"{id}/1/0")


def test_a_parent_that_gives_two_children_one_id_is_told_at_the_second(scheduler: Scheduler, id: str) -> None:
    with pytest.raises(IdInUse, match=f"{id}/own"):
        scheduler.start(family.twice_the_same, id).result("20s")
    assert RAN[id, "1"] == 1


@workflow("children/same id again")
def same_id_again(child_id: str, database: str) -> Flow[list[int]]:
    """Each of its two children has the same id, the first having been deleted."""
    first = yield from child(family.counts, child_id, 1, id=child_id)
    yield from step("delete", delete, database, child_id)
    return [first, (yield from child(family.counts, child_id, 2, id=child_id))]


@workflow("children/one")
def one_child(id: str, number: int) -> Flow[int]:
    return (yield from child(family.counts, id, number))


def test_a_child_whose_id_another_had_that_was_deleted_tells_its_end_too(
    scheduler: Scheduler, database: str, id: str
) -> None:
    assert scheduler.start(same_id_again, f"{id}/child", database, id=id).result("20s") == [1, 2]


def test_the_child_of_an_execution_that_was_deleted_is_not_taken_for_that_of_the_next_of_its_id(
    scheduler: Scheduler, id: str
) -> None:
    assert scheduler.start(one_child, id, 1, id=id).result("20s") == 1
    assert scheduler.delete(id)
    with pytest.raises(IdInUse, match=f"an execution '{id}' that has been deleted has started: delete it, too"):
        scheduler.start(one_child, id, 2, id=id).result("20s")
    assert scheduler.delete(id)
    assert scheduler.delete(f"{id}/1/0")
    assert scheduler.start(one_child, id, 3, id=id).result("20s") == 3


# Started and left alone -------------------------------------------------------------------------


def test_what_is_started_goes_its_own_way_and_the_same_id_again_is_the_same(scheduler: Scheduler, id: str) -> None:
    handle = scheduler.start(family.sends_off, family.asks.name, None, id, id=id)
    assert handle.result("20s") == (f"{id}/1/0", f"{id}/1/0")
    assert handle.terminate() == 0
    scheduler.signal(f"{id}/1/0", "answer", "still here")
    assert scheduler.result(f"{id}/1/0", "20s") == "still here"
    assert kinds(handle) == ["started", "begun", "child-started", "child-started", "completed"]


def test_what_is_started_is_not_terminated_with_who_has_started_it(scheduler: Scheduler, id: str) -> None:
    handle = scheduler.start(family.sends_off_and_waits, id, id=id)
    suspended(handle)
    suspended(left := scheduler.handle(f"{id}/1/0"))
    assert handle.terminate() == 1
    assert left.status() is Status.SUSPENDED


# Ends of other kinds ----------------------------------------------------------------------------


def test_a_parent_that_is_cancelled_cancels_its_children_and_waits_for_them(scheduler: Scheduler, id: str) -> None:
    handle = scheduler.start(family.grandparent, family.cleans_up.name, id, id=id)
    eventually(lambda: len(scheduler.list(workflow=family.cleans_up.name)) and suspended_at(scheduler, f"{id}/1/0/1/0"))
    handle.cancel()
    with pytest.raises(ExecutionCancelled):
        handle.result("20s")
    assert RAN[id, "clean up"] == 1
    ended = [scheduler.describe(of).ended_at for of in (f"{id}/1/0/1/0", f"{id}/1/0", id)]
    assert ended == sorted(ended, key=lambda at: at or 0)


def suspended_at(scheduler: Scheduler, id: str) -> bool:
    return scheduler.status(id) is Status.SUSPENDED


def test_a_child_that_will_not_be_cancelled_is_waited_for_and_its_parent_is_cancelled(
    scheduler: Scheduler, id: str
) -> None:
    handle = scheduler.start(family.parent, family.keeps_going.name, id, id=id)
    eventually(lambda: kinds(handle)[2:] == ["child-started"] and suspended_at(scheduler, f"{id}/1/0"))
    handle.cancel()
    with pytest.raises(ExecutionCancelled):
        handle.result("20s")
    assert scheduler.result(f"{id}/1/0") == "all the same"


def test_a_child_that_somebody_else_has_cancelled_or_terminated_arrives_as_that(scheduler: Scheduler, id: str) -> None:
    for how, kind in (("cancel", ExecutionCancelled), ("terminate", ExecutionTerminated)):
        handle = scheduler.start(family.parent, family.asks.name, id, id=f"{id}/{how}")
        suspended(handle)
        child = f"{id}/{how}/1/0"
        eventually(lambda child=child: suspended_at(scheduler, child))
        getattr(scheduler, how)(child)
        with pytest.raises(kind):
            handle.result("20s")
        assert handle.status() is Status.FAILED


def test_a_family_that_grows_for_ever_is_seen_and_ends_when_its_root_is_terminated(
    scheduler: Scheduler, id: str, database: str
) -> None:
    root = scheduler.start(family.endless, 0, id=id)
    eventually(lambda: len(scheduler.list(workflow=family.endless.name)) > 40)
    assert root.terminate() > 40
    living = "SELECT FROM dataflows.executions WHERE workflow = %s AND (ended_at IS NULL OR scheduler IS NOT NULL)"
    eventually(lambda: told(database, living, family.endless.name) == [])
    number = len(told(database, "SELECT FROM dataflows.executions WHERE workflow = %s", family.endless.name))
    assert scheduler.run(family.counts, id, 1) == 1
    assert len(told(database, "SELECT FROM dataflows.executions WHERE workflow = %s", family.endless.name)) == number


def test_an_attempt_of_a_child_that_fails_and_is_tried_again_tells_the_parent_nothing(
    scheduler: Scheduler, id: str
) -> None:
    handle = scheduler.start(family.parent, family.flaky.name, id, id=id)
    assert handle.result("20s") == 3
    assert kinds(handle) == ["started", "begun", "child-started", "child", "completed"]


def test_a_parent_waits_for_a_child_that_is_blocked_until_it_is_resumed(
    new_scheduler: Callable[..., Scheduler], id: str
) -> None:
    with new_scheduler() as without:
        handle = without.start(family.parent, family.of_an_executor.name, id=id)
        eventually(lambda: without.status(f"{id}/1/0") is Status.BLOCKED if len(kinds(handle)) > 2 else False)
        assert handle.status() in (Status.RUNNING, Status.SUSPENDED)
    with ThreadPoolExecutor(1) as executor, new_scheduler(executors={"far away": executor}) as having:
        having.resume(f"{id}/1/0")
        assert having.result(id, "20s") == 4


def test_a_child_that_is_retried_after_its_parent_took_its_failure_tells_it_nothing_more(
    scheduler: Scheduler, id: str, database: str
) -> None:
    with pytest.raises(family.OutOfStock):
        scheduler.start(family.parent, family.fails.name, "nothing", id=id).result("20s")
    child = scheduler.handle(f"{id}/1/0")
    assert child.retry()
    with pytest.raises(family.OutOfStock):
        child.result("20s")
    messages = told(database, "SELECT kind, position, ok FROM dataflows.inbox WHERE execution_id = %s", id)
    assert messages == [("child", "0", False)]


def test_a_parent_that_is_retried_after_its_child_has_failed_starts_another(
    scheduler: Scheduler, id: str, database: str
) -> None:
    handle = scheduler.start(family.parent, family.mends.name, id, id=id)
    with pytest.raises(family.OutOfStock):
        handle.result("20s")
    assert handle.retry()
    assert handle.result("20s") == "mended"
    assert children_of(database, id) == [f"{id}/1/0", f"{id}/2/0"]


def fail_at_first(id: str) -> None:
    RAN[id, "parent"] += 1
    if RAN[id, "parent"] == 1:
        raise ValueError(id)


@workflow("children/goes on without", retry=Retry(attempts=1))
def goes_on_without(id: str) -> Flow[str]:
    try:
        yield from child(family.mends, id)
    except family.OutOfStock:
        yield from step("fail", fail_at_first, id)
    return (yield from wait("go", str))


def test_when_both_are_retried_the_parent_that_took_its_childs_failure_is_not_told_of_its_success(
    scheduler: Scheduler, id: str
) -> None:
    handle = scheduler.start(goes_on_without, id, id=id)
    with pytest.raises(ValueError, match=id):
        handle.result("20s")
    assert handle.retry()
    suspended(handle)
    assert (mending := scheduler.handle(f"{id}/1/0")).retry()
    assert mending.result("20s") == "mended"
    handle.signal("go", "on")
    assert handle.result("20s") == "on"
    assert kinds(handle).count("child") == 1


def test_a_fork_does_not_wait_for_a_child_of_the_other_that_was_deleted_before_its_end_was_read(
    scheduler: Scheduler, database: str, id: str
) -> None:
    handle = scheduler.start(family.parent, family.asks.name, id, id=id)
    suspended(handle)
    eventually(lambda: suspended_at(scheduler, f"{id}/1/0"))
    handle.pause()
    scheduler.signal(f"{id}/1/0", "answer", "first")
    assert scheduler.result(f"{id}/1/0", "20s") == "first"
    eventually(lambda: scheduler.delete(f"{id}/1/0"))
    fork = scheduler.fork(id)
    eventually(lambda: children_of(database, fork))
    scheduler.signal(f"{fork}/1/0", "answer", "second")
    assert scheduler.result(fork, "20s") == "second"
    handle.terminate()


# Two schedulers ---------------------------------------------------------------------------------


def test_a_parent_and_its_children_may_be_held_by_different_schedulers(
    new_scheduler: Callable[..., Scheduler], id: str
) -> None:
    with (
        new_scheduler(workflows=[family.parents, family.grandparent, family.parent]) as above,
        new_scheduler(workflows=[family.counts, family.fails]),
    ):
        many = above.start(family.parents, id, 30, id=id)
        failing = above.start(family.grandparent, family.fails.name, "far")
        assert many.result("30s") == list(range(30))
        with pytest.raises(family.OutOfStock, match=re.escape("far")):
            failing.result("20s")
    assert {RAN[id, str(number)] for number in range(30)} == {1}


def test_families_that_two_schedulers_hold_crosswise_hinder_nobody(
    new_scheduler: Callable[..., Scheduler], id: str, database: str
) -> None:
    """Commits of each write to what the other holds, both ways round."""
    with new_scheduler(holding=4) as one, new_scheduler(holding=4) as other:
        handles = [
            (one, other)[number % 2].start(family.grandparent, family.counts.name, id, number) for number in range(24)
        ]
        assert [handle.result("60s") for handle in handles] == list(range(24))
    assert {RAN[id, str(number)] for number in range(24)} == {1}
