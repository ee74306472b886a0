"""python -m katib_codegen: prints everything that apis/ decides, or checks that it is printed."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from katib_codegen.errors import SourceError
from katib_codegen.press import compare, render_all, write

CURE = "nox -s generate"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 fresh or written, 1 not fresh (with --check), 2 a source that cannot be printed."""
    options = _parser().parse_args(arguments)
    try:
        printed = render_all(options.root)
    except SourceError as error:
        print(error, file=sys.stderr)
        return 2
    difference = (compare if options.check else write)(options.root, printed)
    for line in difference.lines():
        print(line)
    if options.check and difference:
        print(f"What is printed is not what apis/ says. The cure: {CURE}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m katib_codegen",
        description="Prints everything that the sources under apis/ decide: models, stubs, names, clients, CRDs, "
        "webhook configurations, RBAC. Prints the path of each file that it writes, and why.",
    )
    parser.add_argument("--check", action="store_true", help="write nothing; name each file that is not fresh, exit 1")
    parser.add_argument(
        "--root", type=Path, default=Path.cwd(), metavar="DIR", help="the workspace (default: the current directory)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
