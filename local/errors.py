"""What can go wrong on a laptop. Each message is written for the person at the terminal."""

from pathlib import Path


class LocalError(Exception):
    """The local system can't do what was asked; the message says what to do about it."""


class PortTaken(LocalError):
    """Another program listens where one of our servers should."""

    def __init__(self, port: int, wanted_by: str, variable: str, holder: str | None = None) -> None:
        by = f" by {holder}" if holder else " by another program"
        super().__init__(
            f"Port {port}, where {wanted_by} should listen, is taken{by}. "
            f"Stop that program, or set {variable} to a free port."
        )
        self.port, self.variable = port, variable


class ServerFailed(LocalError):
    """A server process ended, or did not answer in time; the end of its log says why."""

    def __init__(self, server: str, what: str, log: Path) -> None:
        super().__init__(f"{server} {what}. The end of {log}:\n{_tail(log)}")
        self.server, self.log = server, log


class StateBusy(LocalError):
    """Another process has held a lock in the state folder for too long."""

    def __init__(self, lock: Path, waited_seconds: float) -> None:
        super().__init__(
            f"Another process has held {lock} for more than {waited_seconds:.0f} s. "
            f"Is another `make up` hanging? End it and try again."
        )


class MissingProgram(LocalError):
    """A program or package that the local system needs is not installed."""


TAIL_CHARACTERS = 1_500


def _tail(log: Path) -> str:
    try:
        return log.read_text(errors="replace")[-TAIL_CHARACTERS:].strip()
    except OSError:
        return "(no log was written)"
