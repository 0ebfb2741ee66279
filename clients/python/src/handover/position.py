"""A position that outlives the program."""

from __future__ import annotations

import os
import pathlib


class PositionFile:
    """How far a program is, in a file: the name of the store and the last position that was handled.

    It is kept after an event was handled, so one that was handled right before a crash may be handled again. To have each
    event take effect exactly once, keep `store` and `position` in the transaction that has the effects instead.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = pathlib.Path(path)
        self.store, self.position = "", 0
        if self.path.exists():
            store, position = self.path.read_text().split()
            self.store, self.position = store, int(position)

    def keep(self, store: str, position: int) -> None:
        """Remembers that everything up to here was handled. The file is replaced as a whole."""
        new = self.path.with_name(self.path.name + ".new")
        with open(new, "w") as file:
            file.write(f"{store} {position}\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self.path)
        self.store, self.position = store, position
