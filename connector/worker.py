"""Background work: the jobs in the database, and what has to be looked at from time to time.

A job is the safety net for what its maker attempts first. One that a killed worker held is given back after its lease.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

import procrastinate
import psycopg
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job

from connector.db import Pool, connection
from connector.errors import ConnectorError, MoveNotOpenToUs
from connector.exchange import store
from connector.exchange.delivery import Delivery
from connector.exchange.model import Kind
from connector.exchange.service import Exchange
from connector.identity.store import purge_used_tokens
from connector.settings import ExchangeSettings
from connector.telemetry import Event, log
from connector.transfer.tasks import Downloads

# Whether a new job wakes the worker. One of `exchange` is due only when the first attempt has failed, seconds later,
# and is mostly cancelled before: waking for each of them would be a look at the whole queue for every message.
QUEUES = {"exchange": False, "transfer": True}
CONCURRENT_JOBS = 16
STALLED_CHECK_SECONDS = 10.0
SWEEP_SECONDS = 60.0
RESTART_SECONDS = 2.0


class BackOff(procrastinate.BaseRetryStrategy):
    """1, 2, 4 … seconds, up to a longest wait, for as long as the job itself raises."""

    def __init__(self, longest_seconds: float) -> None:
        self._longest_seconds = longest_seconds

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> procrastinate.RetryDecision:
        """Always again: deadlines are the job's own affair."""
        del exception
        wait = min(self._longest_seconds, 2.0 ** min(job.attempts, 16))
        return procrastinate.RetryDecision(retry_in={"milliseconds": int(1000 * wait)})


@dataclass
class Worker:
    """Runs the jobs of one participant; several, in several processes, may share a database."""

    pool: Pool
    database_url: str
    settings: ExchangeSettings
    exchange: Exchange
    delivery: Delivery
    downloads: Downloads
    terminate: Mapping[Kind, Callable[..., Awaitable[object]]]
    _tasks: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])

    def start(self) -> None:
        """Begin, in tasks of the running loop."""
        logging.getLogger("procrastinate").setLevel(logging.CRITICAL)  # we log failures ourselves, without tracebacks
        self._tasks = [
            asyncio.create_task(self._forever(self._run_jobs, RESTART_SECONDS)),
            asyncio.create_task(self._forever(self._sweep, SWEEP_SECONDS)),
        ]

    async def stop(self) -> None:
        """Stop; unfinished jobs are given back."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _forever(self, work: Callable[[], Awaitable[None]], pause_seconds: float) -> None:
        while True:
            try:
                await work()
            except* (ConnectorError, ConnectorException, psycopg.Error) as errors:
                log.warning(Event.DATABASE_AWAY, error=_cause(errors.exceptions[0]))
            except* Exception:  # noqa: BLE001 -- the worker loop is one of the two places that must go on after anything
                log.exception(Event.UNEXPECTED, where=getattr(work, "__name__", "worker"))
            await asyncio.sleep(pause_seconds)

    def _app(self) -> procrastinate.App:
        connector = procrastinate.PsycopgConnector(conninfo=self.database_url, min_size=1, max_size=3)
        app = procrastinate.App(connector=connector)
        again = BackOff(self.settings.retry_max_wait_seconds)

        @app.task(name="deliver", queue="exchange", retry=again)
        async def deliver(pid: str, message_id: str) -> None:  # pyright: ignore[reportUnusedFunction] -- registered by name
            await self.delivery.send_by_job(pid, message_id)

        @app.task(name="download", queue="transfer", retry=again, pass_context=True)
        async def download(context: procrastinate.JobContext, pid: str) -> None:  # pyright: ignore[reportUnusedFunction]
            await self.downloads.run(pid, attempt=context.job.attempts if context.job else 0)

        return app

    async def _run_jobs(self) -> None:
        app = self._app()
        async with app.open_async(), asyncio.TaskGroup() as group:
            group.create_task(self._take_back(app))
            for queue, wake in QUEUES.items():
                group.create_task(self._work(app, queue, wake=wake))

    async def _work(self, app: procrastinate.App, queue: str, *, wake: bool) -> None:
        await app.run_worker_async(
            queues=[queue],
            listen_notify=wake,
            concurrency=CONCURRENT_JOBS,
            install_signal_handlers=False,
            delete_jobs="successful",
            shutdown_graceful_timeout=1.0,
        )

    async def _take_back(self, app: procrastinate.App) -> None:
        """Give back the jobs of workers that have been silent for their lease."""
        while True:
            for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=self.settings.lease_seconds):
                await app.job_manager.retry_job(job)
                log.warning(Event.JOBS_TAKEN_BACK, job=job.id, task=job.task_name, lock=job.lock)
            await asyncio.sleep(STALLED_CHECK_SECONDS)

    async def _sweep(self) -> None:
        """End what has passed its deadline, and forget tokens that nobody would accept any more."""
        async with connection(self.pool) as conn:
            await purge_used_tokens(conn, now=self.exchange.clock())
            overdue = await store.list_overdue(conn, now=self.exchange.clock())
        for pid, kind in overdue:
            await self._end_overdue(pid, kind)

    async def _end_overdue(self, pid: str, kind: Kind) -> None:
        """Tell the peer, if it knows of the process and nothing else is on its way to it."""
        reason = f"the {kind} was not finished in time"
        try:
            await self.terminate[kind](pid, reason=reason, code="deadline")
        except MoveNotOpenToUs:
            await self.exchange.give_up(await self.exchange.load(kind, pid), code="deadline", reason=reason)


def _cause(error: BaseException) -> str:
    """The innermost reason, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return _cause(group.exceptions[0])
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
