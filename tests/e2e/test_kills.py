"""Any one program is killed with 9: nothing is lost or counted twice, nothing is left, and the user is told.

Each program at one moment; `nox -s stress` asks for more of them.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from e2e import kills
from e2e.kills import TRIALS, UP, VICTIMS, Campaign, Moment, moments
from laptops import Katib, eventually


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
    if moment.victim == UP or told.returncode:
        eventually(lambda: not katib.processes(), within=15)
    done = katib("run", str(campaign.file))
    assert done.returncode == 0, done.stderr + katib.logs()
    assert f"{TRIALS} of {TRIALS} succeeded" in done.stderr
    assert "Traceback" not in told.stderr + done.stderr
    eventually(lambda: not katib.processes(), within=15)
    assert len(campaign.assigned()) == TRIALS
    assert campaign.rows() == campaign.assigned()


def says_what_happened(told: subprocess.CompletedProcess[str], campaign: Campaign) -> bool:
    """A kill after the experiment's end is nobody's concern; of `katib run` itself nobody is left to say anything."""
    last = told.stderr.splitlines()[-1:] or [""]
    match campaign.moment.victim:
        case _ if told.returncode == 0:
            return f"{TRIALS} of {TRIALS} succeeded" in told.stderr
        case kills.RUN:
            return told.returncode == -9
        case kills.UP:
            killed = rf"katib: Katib on {campaign.katib.state} was stopped: `katib up` \(process \d+\) was killed; "
            again = rf"`katib run {campaign.file} .*` continues the experiment"
            return told.returncode == 1 and re.fullmatch(killed + again, last[0]) is not None
        case program:
            log = campaign.katib.state / "logs" / f"{program}.log"
            killed = f"katib: {program} has ended (killed by SIGKILL); the same command continues. Its log is {log}"
            return (told.returncode, last[0]) == (1, killed)
