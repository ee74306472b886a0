"""How much room the state directory has left: a full disk is told before it is met by the databases.

Knows the file system. Must not know processes or Kubernetes.
"""

from __future__ import annotations

import asyncio
import errno
import os
import shutil

from katib_local.state import StateDirectory, StateError

MEBIBYTE = 1024 * 1024
LEAST_TO_START = 16 * MEBIBYTE
LEAST_TO_GO_ON = MEBIBYTE
LOOK_EVERY = 1.0


def free_room(state: StateDirectory) -> int:
    """Bytes that may still be written below the state directory."""
    return shutil.disk_usage(state.path).free


def check_room(state: StateDirectory) -> None:
    """Raise StateError when there is too little room to start with."""
    free = free_room(state)
    if free < LEAST_TO_START:
        raise StateError(
            f"cannot write to the state directory {state.path}: {os.strerror(errno.ENOSPC)} ({free // 1024} KiB are free, "
            f"{LEAST_TO_START // MEBIBYTE} MiB are needed). Make room, or choose another one with --state-dir"
        )


def find_shortage(state: StateDirectory) -> StateError | None:
    """The error of a disk that has been filled; None while there is room."""
    if free_room(state) >= LEAST_TO_GO_ON:
        return None
    return StateError(
        f"the disk of the state directory {state.path} is full: make room, and the same command continues"
    )


async def shortage(state: StateDirectory) -> StateError:
    """Wait until the disk is full."""
    while True:
        if error := find_shortage(state):
            return error
        await asyncio.sleep(LOOK_EVERY)
