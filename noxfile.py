"""The habits of this repository: `nox -l` lists them, `make` has aliases for them.

Sessions run in the environment that runs nox (`make install` makes it in .venv); only `unit`, `seeds`, `bench-quality` and `pins`
make others.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nox

nox.options.sessions = ["check"]
nox.options.default_venv_backend = "none"
nox.options.stop_on_first_error = True

ROOT = Path(__file__).parent
PYTHONS = ["3.11", "3.12", "3.13"]
MEMBERS = sorted(str(path.parent.relative_to(ROOT)) for path in ROOT.glob("*/pyproject.toml")) + sorted(
    str(path.parent.relative_to(ROOT))
    for pattern in (
        "pkg/*/pyproject.toml",
        "sdk/python/pyproject.toml",
        "sdk/python/*/pyproject.toml",
        "examples/*/trial-images/*/pyproject.toml",
    )
    for path in ROOT.glob(pattern)
)
PACKAGES = [
    str(path.parent.relative_to(ROOT))
    for pattern in ("pkg/*/katib_*/py.typed", "sdk/python/*/*/py.typed")
    for path in sorted(ROOT.glob(pattern))
]
UNIT_TESTS = ["codegen", "pkg", "tests/house", "tests/golden"]
SIDE_BY_SIDE = [*UNIT_TESTS, "tests/contracts/algorithms", "tests/contracts/early_stopping"]
"""What two processes test at once; all other tests have a laptop or a control plane to themselves."""
CASES = "tests/contracts/kubernetes"
CASES_AT_ONCE = ["--numprocesses=2", "--dist=loadfile", CASES]
"""Two files at once, each with a server of its own: cases mostly wait."""
KUBERNETES_TESTS = ["tests/controlplane", "tests/contracts/printed"]
KUBERNETES_TESTS += [f"tests/e2e/test_{name}.py" for name in ("kubelet", "node")]
KUBERNETES_TESTS += sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("tests/e2e/test_*_on_both.py"))
KUBERNETES_TESTS += ["tests/e2e/test_on_both.py", "tests/contracts/sdk/test_rest_client.py"]
HAND_WRITTEN = ["noxfile.py", "conftest.py", "codegen", "pkg", "sdk", "tests", "hack", "examples"]


def tool(name: str) -> str:
    """The tool of the environment that runs nox."""
    return str(Path(sys.executable).parent / name)


def install_command(python: str, *extra: str) -> list[str]:
    """The one way in which this repository's packages are installed: editable, at the pinned versions."""
    command = [tool("uv"), "pip", "install", "--quiet", "--python", python, "--constraint", "constraints.txt", *extra]
    for member in MEMBERS:
        command += ["--editable", member]
    return command


@nox.session
def install(session: nox.Session) -> None:
    """Install every package and every tool, at the versions of constraints.txt, into this environment."""
    session.run(*install_command(sys.executable, "--group", "dev"), external=True)


@nox.session
def generate(session: nox.Session) -> None:
    """Print everything that apis/ decides: models, stubs, CRDs, clients, names."""
    session.run(sys.executable, "-m", "katib_codegen", *session.posargs, external=True)


def timed(
    name: str, commands: Sequence[Sequence[str]], cure: str, other_cures: Mapping[int, str] | None = None
) -> tuple[str, bool, float, str]:
    """Run commands one after the other until one fails; their output is returned, not printed.

    `other_cures` are those of failures that are no finding, by exit status.
    """
    started, output = time.monotonic(), ""
    for command in commands:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)  # noqa: S603
        output += done.stdout + done.stderr
        if done.returncode:
            found = (other_cures or {}).get(done.returncode, cure)
            return f"{name}: {found}", False, time.monotonic() - started, output
    return name, True, time.monotonic() - started, output


def check_parts() -> list[Callable[[], tuple[str, bool, float, str]]]:
    """The independent parts of `check`: what runs, and the cure when it is red."""
    unread = {2: "mend what each line above names, then run nox -s check again"}
    parts: list[tuple[str, list[list[str]], str, dict[int, str]]] = [
        (
            "types (mypy --strict)",
            [[tool("mypy"), "codegen/katib_codegen", *PACKAGES]],
            "mend the types it names",
            {2: "mend the syntax or the settings that it names"},
        ),
        ("printed files", [[sys.executable, "-m", "katib_codegen", "--check"]], "run nox -s generate", unread),
        (
            "promises of the last release",
            [[sys.executable, "-m", "katib_codegen.released"]],
            "do what each line says, or allow it in codegen/released/allowed.yaml",
            unread,
        ),
        (
            "lint (ruff)",
            [[tool("ruff"), "check", "."]],
            "run ruff check --fix, then mend the rest",
            {2: "mend the settings in pyproject.toml that it names"},
        ),
        (
            "format (black)",
            [[tool("black"), "--check", "--quiet", *HAND_WRITTEN]],
            "run nox -s format",
            {123: "mend the syntax that it names"},
        ),
        ("arrows (import contracts)", [[tool("lint-imports"), "--no-cache"]], "move the import down a layer", {}),
        ("house", [[sys.executable, "-m", "pytest", "tests/house"]], "mend what the test names", {}),
    ]
    return [lambda part=part: timed(*part) for part in parts]  # type: ignore[misc]


@nox.session
def check(session: nox.Session) -> None:
    """All that a change must pass before it is proposed, apart from the tests; its parts run side by side."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        results = list(pool.map(lambda part: part(), check_parts()))
    for _, good, _, output in results:
        if not good:
            print(output)
    for name, good, seconds, _ in results:
        print(f"{'ok  ' if good else 'FAIL'} {seconds:6.1f} s  {name}")
    if not all(good for _, good, _, _ in results):
        session.error("check is red: each line marked FAIL names its cure")


@nox.session
def release(session: nox.Session) -> None:
    """Make today's schemas the last release, whose promises `check` compares with from then on."""
    session.run(sys.executable, "-m", "katib_codegen.released", "--record", external=True)


@nox.session
def format(session: nox.Session) -> None:
    """Bring hand-written code into its form (ruff's fixes, then black)."""
    session.run(tool("ruff"), "check", "--fix-only", "--quiet", ".", external=True)
    session.run(tool("black"), "--quiet", *HAND_WRITTEN, external=True)


@nox.session
def test(session: nox.Session) -> None:
    """Every test, with the interpreter at hand: unit, contract, golden and end to end."""
    command = [sys.executable, "-m", "pytest", "--durations=5", *session.posargs]
    if session.posargs:
        session.run(*command, external=True)
        return
    session.run(*command, "--numprocesses=2", *SIDE_BY_SIDE, external=True)
    session.run(*command, *CASES_AT_ONCE, external=True)
    session.run(*command, "tests", *(f"--ignore={folder}" for folder in [*SIDE_BY_SIDE, CASES]), external=True)


def kube_command(*words: str) -> list[str]:
    """Compile what is missing of a real Kubernetes."""
    return [sys.executable, "hack/kube/build.py", *words]


@nox.session
def kube(session: nox.Session) -> None:
    """Compile a real Kubernetes control plane into the cache, once: `-- [VERSION] [COMMAND...]`, see hack/kube."""
    session.run(*kube_command(*session.posargs), env={"PYTHONPATH": "tests"}, external=True)


@nox.session(name="test-kubernetes")
def test_kubernetes(session: nox.Session) -> None:
    """The suites of both Kubernetes against a real one: `-- [VERSION] [what pytest takes]`."""
    versions = [word for word in session.posargs if re.fullmatch(r"\d+\.\d+", word)][:1]
    rest = [word for word in session.posargs if word not in versions]
    session.run(*kube_command(*versions), env={"PYTHONPATH": "tests"}, external=True)
    options = ["--server=real", *(f"--kube={version}" for version in versions), "--durations=5"]
    command = [sys.executable, "-m", "pytest", *options]
    if rest:
        named = any(Path(word.partition("::")[0]).exists() for word in rest)
        session.run(*command, *rest, *([] if named else [CASES, *KUBERNETES_TESTS]), external=True)
        return
    session.run(*command, *CASES_AT_ONCE, external=True)
    session.run(*command, *KUBERNETES_TESTS, external=True)


@nox.session(venv_backend="uv", python=PYTHONS)
def unit(session: nox.Session) -> None:
    """Unit, golden and house tests, in an environment of their own for each Python."""
    session.run_install(
        *install_command(session.virtualenv.location, "--group", "test", "--group", "lint"), external=True
    )
    session.run("python", "-m", "pytest", "--numprocesses=2", *(session.posargs or UNIT_TESTS))


@nox.session
def fuzz(session: nox.Session) -> None:
    """Ask every algorithm 2,000 requests that nobody would write, and the acceptance table in full; nox -s fuzz -- tpe."""
    tests = [f"tests/contracts/algorithms/test_{name}.py" for name in ("fuzz", "acceptance")]
    chosen = ["-k", " or ".join(session.posargs)] if session.posargs else []
    command = [sys.executable, "-m", "pytest", "--numprocesses=auto", *tests, *chosen]
    session.run(*command, env={"KATIB_FUZZ_EXAMPLES": "2000"}, external=True)


@nox.session
def stress(session: nox.Session) -> None:
    """Kill the laptop's programs at 50 random moments, run 1,000 trials, write 10,000 objects: `-- [--seed=2] [-k ...]`."""
    kills = ["-vv", "--moments=50", *session.posargs]
    session.run(sys.executable, "-m", "pytest", "tests/e2e/test_kills.py", *kills, external=True)
    session.run(sys.executable, "hack/bench/endurance.py", "--check", external=True)
    session.run(sys.executable, "hack/bench/api_servers.py", "--alone", "--check", external=True)


@nox.session(name="bench-quality", venv_backend="uv", reuse_venv=True)
def bench_quality(session: nox.Session) -> None:
    """Search known problems and real tasks, beside Optuna and Katib, with a verdict: `-- [--quick] [what quality.py takes]`."""
    session.run_install(*install_command(session.virtualenv.location, "--group", "bench"), external=True)
    session.run("python", "hack/bench/quality.py", *session.posargs)


@nox.session
def run(session: nox.Session) -> None:
    """Run one example experiment on this machine and print its best trial."""
    example = session.posargs or ["examples/v1beta1/hp-tuning/random.yaml"]
    session.run(tool("katib"), "run", *example, external=True)


@nox.session(venv_backend="uv", python=PYTHONS, reuse_venv=True)
def seeds(session: nox.Session) -> None:
    """Search with each Python and the same seeds: algorithms with a model must repeat bit for bit."""
    session.run_install(*install_command(session.virtualenv.location), external=True)
    session.run("python", "hack/bench/seeds.py", str(session.cache_dir / "seeds.json"))


@nox.session
def examples(session: nox.Session) -> None:
    """Run every example on this machine; each says its time and its best trial: `-- [FILE...]`."""
    session.run(sys.executable, "hack/bench/examples.py", *session.posargs, external=True)


@nox.session
def pins(session: nox.Session) -> None:
    """Refresh constraints.txt, the one place of pinned versions, from what the packages ask for."""
    uv = tool("uv")
    session.run(uv, "lock", "--quiet", "--upgrade", "--python", sys.executable, external=True)
    export = [uv, "export", "--quiet", "--all-packages", "--all-groups", "--all-extras", "--no-emit-workspace"]
    export += ["--no-hashes", "--no-header", "--no-annotate", "--output-file", "constraints.txt"]
    session.run(*export, external=True, silent=True)
    os.remove(ROOT / "uv.lock")
