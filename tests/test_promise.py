"""What one thread tells and others wait for."""

from __future__ import annotations

import asyncio
import threading

import pytest

from interpreter.promise import LoopWaker, Promise

Promised = Promise[int]


def test_what_is_told_first_stays() -> None:
    promise = Promised()
    assert not promise.done()
    promise.set_result(1)
    promise.set_result(2)
    promise.set_exception(ValueError())
    assert promise.done()
    assert promise.result() == 1
    assert promise.exception() is None


def test_an_error_that_is_told_is_raised_to_whoever_asks() -> None:
    promise, error = Promised(), ValueError("no")
    promise.set_exception(error)
    assert promise.exception() is error
    with pytest.raises(ValueError, match="no"):
        promise.result()


def test_whoever_asks_to_be_called_is_called_once_before_or_after() -> None:
    promise = Promised()
    called: list[tuple[str, Promised]] = []
    promise.add_done_callback(lambda told: called.append(("before", told)))
    promise.set_result(1)
    promise.add_done_callback(lambda told: called.append(("after", told)))
    assert called == [("before", promise), ("after", promise)]


def test_whoever_takes_that_back_is_not_called() -> None:
    promise = Promised()
    called: list[Promised] = []
    stays, goes = called.append, called.remove
    promise.add_done_callback(stays)
    promise.add_done_callback(goes)
    promise.remove_done_callback(goes)
    promise.set_result(1)
    assert called == [promise]


def test_a_thread_waits_until_it_is_told_or_until_its_time_is_over() -> None:
    promise = Promised()
    assert not promise.wait(0.001)
    assert promise._callbacks == (), "who waits no longer is forgotten"
    teller = threading.Timer(0.01, promise.set_result, [1])
    teller.start()
    assert promise.wait(20)
    teller.join()
    assert promise.wait(0)


def test_of_many_threads_that_tell_at_once_one_is_heard() -> None:
    for _ in range(200):
        promise, told = Promised(), list[int]()
        promise.add_done_callback(lambda it, told=told: told.append(it.result()))  # type: ignore[misc]
        threads = [threading.Thread(target=promise.set_result, args=[number]) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert told == [promise.result()]


def test_asyncio_code_waits_until_it_is_told_or_until_its_time_is_over() -> None:
    async def main(promise: Promised) -> None:
        waker = LoopWaker(asyncio.get_running_loop())
        assert not await waker.wait(promise, 0.001)
        assert promise._callbacks == (), "who waits no longer is forgotten"
        teller = threading.Timer(0.01, promise.set_result, [1])
        teller.start()
        assert await waker.wait(promise, 20)
        assert await waker.wait(promise)
        teller.join()

    asyncio.run(main(Promised()))


def test_asyncio_code_that_is_cancelled_while_it_waits_is_forgotten() -> None:
    async def main(promise: Promised) -> None:
        waiting = asyncio.ensure_future(LoopWaker(asyncio.get_running_loop()).wait(promise))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert promise._callbacks == ()

    asyncio.run(main(Promised()))


def test_many_that_are_told_in_succession_cost_the_loop_one_wake_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(promises: list[Promised], calls: list[object]) -> None:
        loop = asyncio.get_running_loop()
        waker, call = LoopWaker(loop), loop.call_soon_threadsafe
        waiting = [asyncio.ensure_future(waker.wait(promise)) for promise in promises]
        await asyncio.sleep(0)
        monkeypatch.setattr(loop, "call_soon_threadsafe", lambda wake: [calls.append(wake), call(wake)])
        for promise in promises:
            promise.set_result(1)
        assert await asyncio.gather(*waiting) == [True] * len(promises)
        assert len(calls) == 1

    asyncio.run(main([Promised() for _ in range(100)], []))


def test_a_loop_that_is_closed_meanwhile_harms_nobody_who_tells() -> None:
    promise, told = Promised(), list[int]()
    loop = asyncio.new_event_loop()
    waiting = LoopWaker(loop).wait(promise)
    waiting.send(None)  # it waits now
    promise.add_done_callback(lambda it: told.append(it.result()))
    loop.close()
    promise.set_result(1)
    assert told == [1]
    waiting.close()
