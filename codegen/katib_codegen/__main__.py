"""python -m katib_codegen [--check] [--root DIR]"""

import sys
from pathlib import Path

from katib_codegen.press import render_all, write

if __name__ == "__main__":
    root = Path.cwd()
    for path in write(root, render_all(root)):
        print(path)
    sys.exit(0)
