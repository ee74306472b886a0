"""Any program is killed with 9: nothing is lost or counted twice, nothing is left, and the user is told.

Each program at one moment; `nox -s stress` asks for more of them, and for two at once. And at moments of its own: while
Katib starts, and while it ends.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from e2e import kills
from e2e.kills import PROGRAMS, TRIALS, UP, VICTIMS, Campaign, Moment, count_writes, find_process, moments
from laptops import Katib, eventually

Writer = Callable[..., Path]
DAEMON = b"katib_local.daemon"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "moment" in metafunc.fixturenames:
        count, seed = metafunc.config.getoption("--moments"), metafunc.config.getoption("--seed")
        cases = moments(count or len(VICTIMS), seed)
        metafunc.parametrize("moment", cases, ids=[f"{number}: {case}" for number, case in enumerate(cases)])


def test_after_a_kill_the_same_command_ends_with_every_trial_once(katib: Katib, tmp_path: Path, moment: Moment) -> None:
    campaign = Campaign(katib, tmp_path / "killed.yaml", moment)
    campaign.prepare()
    told = campaign.kill()
    assert says_what_happened(told, campaign), (told.returncode, told.stdout, told.stderr)
    if moment.victims == (UP,) or told.returncode:
        nothing_is_left(katib)
    done = katib("run", str(campaign.file))
    assert done.returncode == 0, done.stderr + katib.logs()
    assert f"{TRIALS} of {TRIALS} succeeded, 0 running, 0 failed" in done.stderr
    assert "Traceback" not in told.stderr + done.stderr
    nothing_is_left(katib)
    assert len(kills.shown(done)) == TRIALS
    assert campaign.trials() == set(kills.shown(done))
    assert campaign.rows() == kills.shown(done)


def nothing_is_left(katib: Katib) -> None:
    eventually(lambda: not katib.processes())


def says_what_happened(told: subprocess.CompletedProcess[str], campaign: Campaign) -> bool:
    """A kill after the experiment's end is nobody's concern; of `katib run` itself nobody is left to say anything."""
    last = told.stderr.splitlines()[-1:] or [""]
    match campaign.moment.victims:
        case _ if told.returncode == 0:
            return f"{TRIALS} of {TRIALS} succeeded" in told.stderr
        case (kills.RUN,):
            return told.returncode == -9
        case (kills.UP,):
            killed = rf"katib: Katib on {campaign.katib.state} was stopped: `katib up` \(process \d+\) was killed; "
            again = rf"`katib run {campaign.file} .*` (continues|starts) the experiment"
            return told.returncode == 1 and re.fullmatch(killed + again, last[0]) is not None
        case programs:
            return told.returncode == 1 and last[0] in killed_words(campaign.katib, *programs)


def killed_words(katib: Katib, *programs: str) -> list[str]:
    """What may be said of programs that were killed at once: by the time that it is said one of them may still end."""
    said = []
    for some in (*((program,) for program in programs), [name for name in PROGRAMS if name in programs]):
        ended = " and ".join(f"{program} has ended (killed by SIGKILL)" for program in some)
        logs = " and ".join(str(katib.state / "logs" / f"{program}.log") for program in some)
        its = "Its log is" if len(some) == 1 else "Their logs are"
        said.append(f"katib: {ended}; the same command continues. {its} {logs}")
    return said


@pytest.mark.parametrize(("command", "writes"), [("run", 0), ("run", 4), ("up", 4)])
def test_a_program_that_is_killed_while_katib_starts_is_named(
    katib: Katib, experiment_file: Writer, command: str, writes: int
) -> None:
    starting = katib.start(command, *([str(experiment_file("early"))] if command == "run" else []))
    victim = eventually(lambda: find_process(katib, PROGRAMS["apiserver"]))
    eventually(lambda: count_writes(katib) >= writes)
    os.kill(victim, signal.SIGKILL)
    output, errors = starting.communicate(timeout=120)
    assert (starting.returncode, output, errors.strip()) == (1, "", killed_words(katib, "apiserver")[0])
    nothing_is_left(katib)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_katib_up_that_ends_before_katib_is_ready_leaves_nothing_behind(katib: Katib, number: int, code: int) -> None:
    starting = katib.start("up")
    eventually(lambda: owner_is_written(katib))
    starting.send_signal(number)
    _, errors = starting.communicate(timeout=120)
    nothing_is_left(katib)
    told = katib("status").stdout
    assert starting.returncode == code and f"Katib is not running on {katib.state}" in told
    if number == signal.SIGINT:
        assert errors == f"katib: stopped; `katib up --state-dir={katib.state}` starts Katib\n"
    else:
        assert f"Katib is not running on {katib.state}: `katib up` had ended before Katib was ready; " in told
    assert "Traceback" not in (katib.state / "logs" / "katib.log").read_text()


def owner_is_written(katib: Katib) -> bool:
    lock = katib.state / "lock"
    return lock.exists() and bool(lock.read_text())


def test_who_stops_katib_run_before_the_experiment_is_there_is_told_that_it_will_start(
    katib: Katib, experiment_file: Writer
) -> None:
    file = experiment_file("late")
    running = katib.start("run", str(file))
    eventually(lambda: owner_is_written(katib))
    running.terminate()
    output, errors = running.communicate(timeout=120)
    again = f"`katib run {file} --state-dir={katib.state}` starts the experiment"
    assert (running.returncode, output, errors) == (130, "", f"katib: stopped; {again}\n")
    nothing_is_left(katib)


def test_after_a_kill_while_katib_goes_down_the_next_start_goes_on_without_alarm(
    katib: Katib, experiment_file: Writer, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    waits = f"until [ -e {gate} ]; do sleep 0.1; done; echo score=${{trialParameters.x}}"
    file = experiment_file("down", waits, ("maxTrialCount: 4", "maxTrialCount: 2"))
    katib.good("up")
    katib.kubectl("create", "-f", str(file))
    eventually(lambda: phases(katib) == {"Running"})
    going = katib.start("down")
    eventually(lambda: not (katib.state / "run" / "ports.json").exists())
    if daemon := find_process(katib, DAEMON):
        os.kill(daemon, signal.SIGKILL)
    assert going.communicate(timeout=120) == ("Katib is down\n", "")
    nothing_is_left(katib)
    gate.touch()
    katib.good("up")
    done = katib("run", str(file))
    assert "2 of 2 succeeded" in done.stderr, done.stderr
    events = katib.get("events")["items"]
    warnings = {(event["involvedObject"]["kind"], event["reason"]) for event in events if event["type"] == "Warning"}
    assert warnings == {("Pod", "NodeRestarted")}
    assert not [file.name for file in (katib.state / "logs").glob("*.log") if "Traceback" in file.read_text()]


def phases(katib: Katib) -> set[str]:
    return {pod["status"].get("phase", "") for pod in katib.get("pods")["items"]}
