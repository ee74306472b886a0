"""python -m katib_codegen: prints everything that apis/ decides, checks that it is printed, or shows what would change."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from katib_codegen.errors import PressError, SourceError
from katib_codegen.press import render_all
from katib_codegen.tree import compare, differences, write

CURE = "nox -s generate"
# What sysexits.h calls a fault of the program itself.
FELL = 70
_REPORT = "Undo your last edit under apis/ to go on, and report what --traceback shows"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 fresh or written, 1 not fresh (with --check), 2 a source or a file that each line names, 70 a mistake
    of the press itself."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except SourceError as error:
        print(error, file=sys.stderr)
        return 2
    except Exception as error:  # The last resort: nobody who edits a schema can do anything with a traceback.
        if options.traceback:
            raise
        said = error if isinstance(error, PressError) else f"{type(error).__name__}: {error}"
        print(f"A mistake of the press: {' '.join(str(said).split())}. {_REPORT}", file=sys.stderr)
        return FELL


def _run(options: argparse.Namespace) -> int:
    printed = render_all(options.root, report=None if options.check or options.diff else _say_time)
    if options.diff:
        print(*differences(options.root, printed), sep="\n")
        return 0
    difference = (compare if options.check else write)(options.root, printed)
    for line in difference.lines():
        print(line)
    if options.check and difference:
        print(f"What is printed is not what apis/ says. The cure: {CURE}", file=sys.stderr)
        return 1
    return 0


def _say_time(product: str, seconds: float) -> None:
    print(f"{seconds:6.2f} s  {product}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m katib_codegen",
        description="Prints everything that the sources under apis/ decide: models, stubs, names, clients, CRDs, "
        "webhook configurations, RBAC. Prints the time of each product, and the path of each file that it writes, and why.",
    )
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--check", action="store_true", help="write nothing; name each file that is not fresh, exit 1")
    way.add_argument("--diff", action="store_true", help="write nothing; show what would change, as a patch")
    parser.add_argument("--traceback", action="store_true", help="show where the press fell, if it does")
    parser.add_argument(
        "--root", type=Path, default=Path.cwd(), metavar="DIR", help="the workspace (default: the current directory)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
