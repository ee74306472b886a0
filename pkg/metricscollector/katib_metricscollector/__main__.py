"""`katib-file-metrics-collector`: the sidecar of the collectors StdOut and File. Reads arguments and environment, and runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from katib_apis.v1beta1 import names
from katib_metricscollector.collector import Collector
from katib_metricscollector.flags import HELP, FlagError, parse_flags

BAD_FLAGS = 255


def main(arguments: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0].lstrip("-") in ("help", "h"):
        print(HELP, end="")
        return 0
    if words and words[0].lstrip("-") == "version":
        from importlib.metadata import version

        print(f"katib-file-metrics-collector {version('katib-metricscollector')}")
        return 0
    try:
        flags = parse_flags(words)
    except FlagError as error:
        print(f"katib-file-metrics-collector: {error}", file=sys.stderr)
        return BAD_FLAGS
    namespace = os.environ.get(names.ENV_TRIAL_NAMESPACE, "")
    return Collector(flags, namespace, sys.stdout.buffer).run()


if __name__ == "__main__":
    raise SystemExit(main())
