"""One collector's life: echo and read the metrics file until training has ended, then report (collectors.md §5 to §7)."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import BinaryIO

from katib_apis.v1beta1 import names
from katib_domain.metric_logs import MetricRow, reported_rows
from katib_metricscollector.flags import Flags
from katib_metricscollector.markers import find_marker, write_marker
from katib_metricscollector.processes import Process, descendants, find_main, send
from katib_metricscollector.report import ReportError, report_early_stop, report_rows
from katib_metricscollector.stop_rules import StopRules
from katib_metricscollector.tail import Tail, line_parser, warn

LOOK_EVERY = 0.1
SIGN_OF_LIFE_WITHIN = 60.0
MAIN_SEEN_WITHIN = 3.0
GRACE = 30.0
MAIN_ENDS_WITHIN = 60.0
TRAINING_FAILED = 255


class Ending(Enum):
    """How training has ended, as far as its collector can see."""

    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED_EARLY = "stopped early"
    NO_SIGN_OF_LIFE = "no sign of life"
    TIMED_OUT = "timed out"


@dataclass
class Collector:
    """Collects for one trial. `output` gets the training's lines as they are."""

    flags: Flags
    namespace: str
    output: BinaryIO
    rows: list[MetricRow] = field(default_factory=list)
    main: Process | None = None
    file_seen: float = 0.0

    def __post_init__(self) -> None:
        self.directory = Path(self.flags.path).parent
        self.tail = Tail(Path(self.flags.path), self.output)
        self.parse = line_parser(self.flags)
        self.rules = StopRules(self.flags.rules, self.flags.objective, self.flags.objective_type)
        self.started = time.monotonic()

    def run(self) -> int:
        """Collect and report; the exit code is not zero only when training itself has failed (COL-3)."""
        ending = self.wait()
        if ending is Ending.STOPPED_EARLY:
            self.stop_training()
        self.read(last=True)
        if ending is Ending.FAILED:
            warn("training has failed: it ended without its marker")
            self.report(self.rows)
            return TRAINING_FAILED
        if ending is not Ending.COMPLETED:
            warn(f"training: {ending.value}")
        self.report(reported_rows(self.rows, self.flags.objective))
        if ending is Ending.STOPPED_EARLY:
            self.tell_early_stop()
        return 0

    def wait(self) -> Ending:
        """Echo and read until training has ended in one way or another."""
        while True:
            self.read()
            if self.rules.met and self.find_main() is not None:
                return Ending.STOPPED_EARLY
            ending = self.look()
            if ending is not None:
                return ending
            self.pause()

    def look(self) -> Ending | None:
        """Marker files are the truth, processes a hint (COL-1)."""
        main = self.find_main()
        if find_marker(self.directory, names.MARKER_COMPLETED):
            others = self.flags.wait_all and find_main(self.directory) is not None
            return None if others else Ending.COMPLETED
        if main is not None and not main.alive():
            # The marker is written before the process ends: look once more, now that it has ended.
            return Ending.COMPLETED if find_marker(self.directory, names.MARKER_COMPLETED) else Ending.FAILED
        waited = time.monotonic() - self.started
        if main is None and self.tail.exists and self._unseen_for() > MAIN_SEEN_WITHIN:
            return Ending.FAILED
        if main is None and not self.tail.exists and waited > SIGN_OF_LIFE_WITHIN:
            return Ending.NO_SIGN_OF_LIFE
        return Ending.TIMED_OUT if 0 < self.flags.timeout < waited else None

    def _unseen_for(self) -> float:
        """Seconds for which the metrics file has been there without the process that writes it: it has ended already."""
        now = time.monotonic()
        self.file_seen = self.file_seen or now
        return now - self.file_seen

    def find_main(self) -> Process | None:
        self.main = self.main or find_main(self.directory)
        return self.main

    def pause(self) -> None:
        """Sleep for a moment, or until the main process ends."""
        if self.main is None or not hasattr(os, "pidfd_open"):
            time.sleep(LOOK_EVERY)
            return
        try:
            descriptor = os.pidfd_open(self.main.pid)
        except OSError:
            time.sleep(LOOK_EVERY)
            return
        try:
            select.select([descriptor], [], [], LOOK_EVERY)
        finally:
            os.close(descriptor)

    def read(self, *, last: bool = False) -> None:
        for line in self.tail.lines(last=last):
            for row in self.parse(line):
                self.rows.append(row)
                self.rules.feed(row)

    def report(self, rows: list[MetricRow]) -> None:
        if not rows:
            return
        try:
            report_rows(self.flags.db_manager, self.flags.trial, self.namespace, rows)
        except ReportError as error:
            warn(f"{len(rows)} rows were not reported: {error}")

    def stop_training(self) -> None:
        """Mark the stop, then end everything that the main shell has started; the shell itself writes the last marker."""
        main = self.main
        if main is None:
            return
        with contextlib.suppress(OSError):
            write_marker(self.directory / f"{main.pid}{names.SUFFIX_MARKER}", names.MARKER_EARLY_STOPPED)
        send(descendants(main), signal.SIGTERM)
        if not self._ended(main, GRACE):
            send(descendants(main), signal.SIGKILL)
            self._ended(main, MAIN_ENDS_WITHIN)

    def _ended(self, main: Process, within: float) -> bool:
        deadline = time.monotonic() + within
        while main.alive() and time.monotonic() < deadline:
            self.pause()
        return not main.alive()

    def tell_early_stop(self) -> None:
        try:
            report_early_stop(self.flags.early_stopping, self.flags.trial, self.namespace)
        except ReportError as error:
            warn(f"the early stop was not told: {error}")
