"""The variables of the commands. One that is set and empty is refused, as the commands refuse it."""

from __future__ import annotations

import os


def variable(name: str) -> str | None:
    """The value of a variable; none if it is not set."""
    value = os.environ.get(name)
    if value is not None and not value.strip():
        raise ValueError(f"{name} is set and empty; unset it, or give it a value")
    return value
