"""Pauses between requests, and retries after temporary failures.

The library tenacity would do the retries, but not the pauses or the messages, and needs no fewer
lines for them.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from attngru_bt import checks
from attngru_bt.data.vendors.base import TryAgain, VendorError

log = logging.getLogger(__name__)

T = TypeVar("T")
LONGEST = 60.0  # seconds between two attempts


class Patience:
    """Pauses between requests, and repeats those that failed for a temporary reason.

    The wait before the n-th retry is ``first`` × 2^(n-1) seconds, at most a minute, times a random
    number between 0.5 and 1.5, so that several machines do not ask at the same time.

    Parameters
    ----------
    pause : float
        Smallest number of seconds from the start of one request to the start of the next.
    retries : int, default 5
        Number of retries before giving up.
    first : float, default 2.0
        Seconds before the first retry.
    sleep, clock, jitter
        For tests.

    Raises
    ------
    ValueError
        If a number is negative.
    """

    def __init__(
        self,
        pause: float,
        retries: int = 5,
        *,
        first: float = 2.0,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[float, float], float] | None = None,
    ) -> None:
        checks.number("pause", pause, at_least=0)
        checks.whole_number("retries", retries, at_least=0)
        self.pause = pause
        self.retries = retries
        self._first = first
        self._sleep = sleep
        self._clock = clock
        self._jitter = jitter or random.Random().uniform
        self._next = -float("inf")

    def ask(self, what: str, request: Callable[[], T]) -> T:
        """Return the result of a request, which is repeated if it fails.

        Parameters
        ----------
        what : str
            Vendor and data that are asked for; messages begin with it.
        request : callable
            Takes no arguments. ``VendorError``, ``ModuleNotFoundError`` and ``AttributeError`` are
            not retried. Every other exception counts as temporary, because each network library
            has its own.

        Raises
        ------
        VendorError
            With the message of the vendor, in one sentence.
        """
        last: Exception | None = None
        for attempt in range(self.retries + 1):
            if attempt:
                wait = min(LONGEST, self._first * 2 ** (attempt - 1)) * self._jitter(0.5, 1.5)
                log.info("%s: %s; once more in %.0f s", what, _words(last), wait)
                self._sleep(wait)
            ahead = self._next - self._clock()
            if ahead > 0:
                self._sleep(ahead)
            self._next = self._clock() + self.pause
            try:
                return request()
            except TryAgain as error:
                last = error
            except (VendorError, ModuleNotFoundError):
                raise
            except AttributeError as error:
                raise VendorError(
                    f"{what}: the library does not answer as documented ({error}); install "
                    "another version of it."
                ) from error
            except Exception as error:
                last = error
        times = "once" if not self.retries else f"{self.retries + 1} times"
        raise VendorError(f"{what}: tried {times} without success; {_words(last)}.") from last


def _words(error: BaseException | None) -> str:
    """Return the message of an error in one line, with its type unless it is a VendorError."""
    text = " ".join(str(error).split()).rstrip(".")
    if isinstance(error, VendorError):
        return text
    return f"{type(error).__name__}{': ' if text else ''}{text}"
