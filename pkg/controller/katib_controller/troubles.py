"""What went wrong lately, per key, so that the next decision can tell the user."""

from katib_machinery.objects import ObjectKey
from katib_machinery.transport import ApiError
from katib_machinery.workqueue import WorkQueue

# What goes away by itself within a few milliseconds is nothing to bother a user with.
_WORTH_TELLING = 3


class Troubles:
    """The last error of each key, until it goes well again."""

    def __init__(self, queue: WorkQueue[ObjectKey]) -> None:
        self._queue = queue
        self._errors: dict[ObjectKey, Exception] = {}

    def note(self, key: ObjectKey, error: Exception) -> None:
        """Remember why the key could not be brought on."""
        self._errors[key] = error

    def settle(self, key: ObjectKey) -> bool:
        """Forget the error of a key that went well; whether there was one."""
        return self._errors.pop(key, None) is not None

    def tell(self, key: ObjectKey) -> str:
        """Return what to tell the user, empty while there may be nothing to tell."""
        error = self._errors.get(key)
        return str(error) if error is not None and self._queue.failures(key) >= _WORTH_TELLING else ""

    def refusal(self, key: ObjectKey, kind: str) -> str:
        """Return why the API server will never take an object of that kind as it is, empty if it might."""
        error = self._errors.get(key)
        if isinstance(error, ApiError) and error.code == 422 and error.details.get("kind") in (kind, None):
            return str(error)
        return ""
