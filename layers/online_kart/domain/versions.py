"""Versions of what several people edit: a change may say which version it was made of, and is refused if that is past."""

from .errors import VersionChanged

Versions = frozenset[int] | None
"""Those that a change was made of. None: any."""


def refuse_past(current: int, wanted: Versions) -> None:
    """Call it with the row locked. Raises VersionChanged."""
    if wanted is not None and current not in wanted:
        raise VersionChanged(current)
