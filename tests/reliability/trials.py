"""A trial repeated over seeds, and what came of it."""

import contextlib
import logging
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass
class Outcome:
    """How many trials were made, and what failed: seed → what was found."""

    name: str
    tried: int = 0
    failed: dict[int, str] = field(default_factory=dict)

    def __str__(self) -> str:
        line = f"{self.name}: {self.tried} tried, {self.tried - len(self.failed)} held"
        return line + "".join(f"; seed {seed}: {said}" for seed, said in self.failed.items())


def repeat(name: str, trial: Callable[[int], str], n: int, seed: int) -> Outcome:
    """Call `trial` with `n` seeds in a row, from `seed` on.

    A trial answers what it found wrong, or an empty string. One that raises has failed too.
    """
    outcome = Outcome(name)
    for current in range(seed, seed + n):
        try:
            found = trial(current)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            found = f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})"
        outcome.tried += 1
        if found:
            outcome.failed[current] = found
    return outcome


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the package's warnings to itself: markets drawn at random give many."""
    logger = logging.getLogger("attngru_bt")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
