"""What is said of programs that die, and how soon they start again (pure)."""

from __future__ import annotations

import signal
from dataclasses import dataclass

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 60.0
SETTLED_SECONDS = 10.0
"""A process that lived so long starts with the first pause again."""
WELL_SECONDS = 60.0
"""A program's deaths are forgotten once a process of it has lived so long."""
IN_A_ROW = 3
"""From so many deaths on, a program dies again and again."""
HINTS = {
    "SIGKILL": "from outside, or by the kernel for lack of memory",
    "SIGILL": "an instruction that this processor does not have; run `caravan doctor`",
    "SIGSEGV": "a fault of a library; run `caravan doctor`",
    "SIGBUS": "a fault of a library, or a full disk; run `caravan doctor`",
    "SIGABRT": "it aborted",
}


def how(status: int) -> str:
    """How a process ended, in words; a negative status is the signal that killed it."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        return f"was killed by signal {-status}"
    return f"was killed by {name} ({HINTS[name]})" if name in HINTS else f"was killed by {name}"


@dataclass(slots=True)
class Health:
    """How one program fares. Each method returns what is to be said of it just now: '' is nothing.

    Deaths count together until a process has lived for a minute. They are told by the first and the third one, and by
    the end of it all; so is a second one, if all seemed well in between.
    """

    name: str
    log: str = ""
    pause_seconds: float = FIRST_PAUSE_SECONDS
    num_deaths: int = 0
    _reported_well: bool = False

    @property
    def dies_again_and_again(self) -> bool:
        return self.num_deaths >= IN_A_ROW

    def died(self, status: int, *, lived_seconds: float) -> tuple[float, str]:
        """Seconds until the next start, and what to say."""
        if lived_seconds >= SETTLED_SECONDS:
            self.pause_seconds = FIRST_PAUSE_SECONDS
        pause, self.pause_seconds = self.pause_seconds, min(self.pause_seconds * 2, LONGEST_PAUSE_SECONDS)
        self.num_deaths += 1
        was_well, self._reported_well = self._reported_well, False
        if self.num_deaths == 1 or (self.num_deaths < IN_A_ROW and was_well):
            return pause, f"{self.name} {how(status)}; it is restarted."
        if self.num_deaths == IN_A_ROW:
            where = f" {self.log} says more." if self.log else ""
            times = f"{self.name} has died {IN_A_ROW} times in a row: the last time it {how(status)}."
            return pause, f"{times}{where} It is restarted at least every {LONGEST_PAUSE_SECONDS:.0f} s."
        return pause, ""

    def lives(self, lived_seconds: float) -> str:
        """What to say of a process that lives."""
        if not self.num_deaths or lived_seconds < (SETTLED_SECONDS if self.num_deaths == 1 else WELL_SECONDS):
            return ""
        times = "died once" if self.num_deaths == 1 else f"died {self.num_deaths} times"
        message = "" if self._reported_well else f"{self.name} runs again; it had {times}."
        self._reported_well = lived_seconds < WELL_SECONDS
        if not self._reported_well:
            self.num_deaths = 0
        return message
