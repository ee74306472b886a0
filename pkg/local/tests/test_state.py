"""The state directory: private, owned by one process, refused when it cannot be used."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from katib_local.credentials import make_credentials
from katib_local.laptop import choose_ports, render_config
from katib_local.programs import Laptop, Ports, desired_programs
from katib_local.state import (
    StateError,
    StateInUse,
    check_usable,
    default_path,
    find_ending,
    find_owner,
    find_state,
    open_state,
    owned,
    raise_version,
    taken_back,
    write_private,
)

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({"KATIB_STATE_DIR": "/a", "XDG_DATA_HOME": "/b"}, "/a"),
        ({"XDG_DATA_HOME": "/b"}, "/b/katib"),
        ({}, str(Path.home() / ".local/share/katib")),
    ],
)
def test_the_default_directory_follows_the_environment(environment: dict[str, str], path: str) -> None:
    assert str(default_path(environment, "KATIB_STATE_DIR")) == path


def test_only_the_owner_may_enter_and_read(tmp_path: Path) -> None:
    state = open_state(tmp_path / "state")
    make_credentials(state, server="https://127.0.0.1:1", now=NOW)
    assert state.path.stat().st_mode & 0o077 == 0
    assert state.kubeconfig.stat().st_mode & 0o777 == 0o600
    assert all(file.stat().st_mode & 0o077 == 0 for file in state.path.rglob("*"))


def test_a_file_in_the_way_is_named_with_the_cure(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for enter in (open_state, find_state, check_usable):
        for path in (file, file / "below"):
            with pytest.raises(StateError) as caught:
                enter(path)
            assert str(caught.value) == (
                f"{file} is a file, and the state needs a directory: choose another one with --state-dir"
            )


def test_a_refused_start_takes_back_what_it_has_made_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "katib-config.yaml").write_text("mine")
    long = tmp_path / ("long" * 30) / "state"
    for path, left in ((tmp_path / "new" / "state", []), (long, []), (tmp_path / "mine", ["katib-config.yaml"])):
        state = open_state(path)
        with pytest.raises(StateError), taken_back(state), owned(state, "run"):
            make_credentials(state, server="https://127.0.0.1:1", now=NOW)
            sockets = state.sockets()
            raise StateError("refused")
        assert sorted(os.listdir(path) if path.exists() else []) == left and not sockets.exists()
    assert os.listdir(tmp_path) == ["mine"]


def test_a_refused_start_leaves_the_state_of_earlier_ones_and_of_somebody_who_works_there(tmp_path: Path) -> None:
    first = open_state(tmp_path / "state")
    again = open_state(first.path)
    with pytest.raises(StateError), taken_back(again):
        raise StateError("refused")
    with owned(again, "run"), pytest.raises(StateError), taken_back(first):
        raise StateError("refused")
    with pytest.raises(StateInUse), taken_back(first):
        raise StateInUse("somebody else has it", None)
    assert first.version.exists() and first.objects.exists()


def test_what_another_user_owns_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner could make this user run anything."""
    state = open_state(tmp_path / "state")
    assert open_state(state.path) == state
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    (tmp_path / "empty").mkdir()
    for enter, path in ((open_state, state.path), (find_state, state.path), (check_usable, tmp_path / "empty")):
        with pytest.raises(StateError, match=rf"belongs to another user .uid {owner}.*--state-dir"):
            enter(path)


def test_state_of_a_newer_katib_is_refused(tmp_path: Path) -> None:
    open_state(tmp_path)
    (tmp_path / "version").write_text("99\n")
    with pytest.raises(StateError, match=r"newer Katib \(version 99"):
        open_state(tmp_path)


@pytest.mark.parametrize("opened", [open_state, find_state], ids=["to start", "to look"])
def test_a_damaged_version_is_named_with_the_cure(tmp_path: Path, opened: Callable[[Path], object]) -> None:
    open_state(tmp_path)
    (tmp_path / "version").write_text("x\n")
    with pytest.raises(StateError, match=r"version is damaged: it says 'x' instead of 2.* Write 2 into it"):
        opened(tmp_path)


def test_a_directory_with_other_files_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    tmp_path.chmod(0o755)
    with pytest.raises(StateError, match=r"holds other files \(thesis.tex\).*/katib, with --state-dir"):
        open_state(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o755
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_a_directory_that_every_user_may_write_to_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    with pytest.raises(StateError, match=r"every user may write to .*/katib, with --state-dir"):
        open_state(tmp_path)
    assert tmp_path.stat().st_mode & 0o7777 == 0o1777 and not os.listdir(tmp_path)


def test_an_empty_directory_and_one_with_a_configuration_or_a_broken_off_start_become_state_directories(
    tmp_path: Path,
) -> None:
    (tmp_path / "katib-config.yaml").write_text("")
    (tmp_path / ".version.1").write_text("")
    assert open_state(tmp_path).version.read_text() == "2\n"
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_who_only_looks_makes_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir(mode=0o755)
    for name in ("missing", "empty"):
        assert find_state(tmp_path / name) is None
    assert os.listdir(tmp_path) == ["empty"] and not os.listdir(tmp_path / "empty")
    assert (tmp_path / "empty").stat().st_mode & 0o777 == 0o755
    open_state(tmp_path / "empty")
    assert find_state(tmp_path / "empty") is not None


def test_two_processes_cannot_own_one_directory(tmp_path: Path) -> None:
    state = open_state(tmp_path)
    code = (
        "import sys; from pathlib import Path; from katib_local.state import *\n"
        "with owned(open_state(Path(sys.argv[1])), 'run'):\n print('owned', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == b"owned\n"
        with pytest.raises(StateInUse, match=f"`katib run` .process {other.pid}. is using"), owned(state, "up"):
            pass
        owner = find_owner(state)
        assert owner is not None and owner.command == "run"
        other.kill()
    assert find_owner(state) is None
    with owned(state, "up"):
        assert state.lock.exists()


def test_credentials_are_kept_until_they_are_about_to_expire_but_the_token_is_new_at_each_start(tmp_path: Path) -> None:
    state = open_state(tmp_path)
    first = make_credentials(state, server="https://127.0.0.1:1", now=NOW)
    authority = first.authority.read_bytes()
    second = make_credentials(state, server="https://127.0.0.1:2", now=NOW + timedelta(days=300))
    assert second.authority.read_bytes() == authority
    assert second.service_token != first.service_token
    assert "https://127.0.0.1:2" in state.kubeconfig.read_text()
    third = make_credentials(state, server="https://127.0.0.1:2", now=NOW + timedelta(days=340))
    assert third.authority.read_bytes() != authority


def test_a_program_that_an_older_version_did_not_have_gets_credentials(tmp_path: Path) -> None:
    state = open_state(tmp_path)
    first = make_credentials(state, server="https://127.0.0.1:1", now=NOW)
    shutil.rmtree(first.kubeconfig("early-stopping").parent)
    second = make_credentials(state, server="https://127.0.0.1:1", now=NOW)
    assert second.kubeconfig("early-stopping").is_file()


def test_the_port_of_the_last_start_is_taken_again(tmp_path: Path) -> None:
    state = open_state(tmp_path)
    first = choose_ports(state, None)
    assert choose_ports(state, None).apiserver == first.apiserver
    assert len({first.apiserver, first.webhook, first.proxy}) == 3


def test_a_port_in_use_is_named_with_the_cure(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StateError, match=f"port {port} is in use: choose another one with --port"):
            choose_ports(open_state(tmp_path), port)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "file"
    write_private(file, b"old")
    write_private(file, b"new")
    assert file.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["file"]


def test_the_configuration_of_a_start_has_its_addresses_and_keeps_the_rest() -> None:
    text = render_config("init: {controller: {trialResources: [Job.v1.batch]}}\nruntime: {a: 1}\n", Ports(1, 2, 3))
    assert "webhookPort: 2" in text and "Job.v1.batch" in text and "runtime:" in text


@pytest.mark.parametrize(("text", "message"), [("a: [", "is not YAML"), ("- 1", "is not a mapping")])
def test_a_wrong_configuration_is_named(text: str, message: str) -> None:
    with pytest.raises(StateError, match=message):
        render_config(text, Ports(1, 2, 3))


def test_nothing_listens_beyond_this_machine_and_no_token_stands_on_a_command_line(tmp_path: Path) -> None:
    state = open_state(tmp_path)
    credentials = make_credentials(state, server="https://127.0.0.1:1", now=NOW)
    sockets = state.sockets()
    programs = desired_programs(Laptop(state, credentials, Ports(1, 2, 3), sockets=sockets))
    words = [word for program in programs for word in program.arguments]
    assert not [word for word in words if "0.0.0.0" in word or credentials.service_token in word]
    assert all(
        any(word.startswith(f"--listen-address=unix:{sockets}") for word in program.arguments)
        for program in programs
        if program.name in ("db-manager", "suggestion", "early-stopping")
    )


def test_an_older_directory_becomes_this_versions_when_it_is_served_and_not_before(tmp_path: Path) -> None:
    state = open_state(tmp_path / "state")
    state.version.write_text("1\n")
    assert find_state(state.path) == open_state(state.path) == state
    assert state.version.read_text() == "1\n"
    with owned(state, "run"):
        raise_version(state)
    assert state.version.read_text() == "2\n"


def test_why_the_last_laptop_has_ended_is_known_unless_it_was_asked_to(tmp_path: Path) -> None:
    state = open_state(tmp_path / "state")
    with owned(state, "up"):
        assert find_ending(state) == ""
        left = state.lock.read_text()
    assert find_ending(state) == ""
    state.lock.write_text(left)
    assert find_ending(state) == f"`katib up` (process {os.getpid()}) was killed"
    state.ending.write_text("node has ended")
    assert find_ending(state) == "node has ended"
