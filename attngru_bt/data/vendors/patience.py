"""One request at a time, not too fast, and tried again when the vendor stumbles."""

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
LONGEST = 60.0  # seconds


class Patience:
    """Waits between requests and repeats those that failed for reasons that may pass.

    The wait before the n-th repetition is ``first`` × 2^(n-1) seconds, at most a minute, times a
    random number between 0.5 and 1.5, so that several machines do not knock in step.

    Parameters
    ----------
    pause : float
        Seconds from the start of one request to the start of the next, at least.
    retries : int, default 5
        Repetitions before giving up.
    first : float, default 2.0
        Seconds before the first repetition.
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
        """Return what ``request`` returns.

        Parameters
        ----------
        what : str
            Vendor and what it is asked for, to begin a message with.
        request : callable
            No arguments. Any exception counts as one that may pass, for network libraries have
            many, but these: a ``VendorError`` is the vendor's last word, and a library without
            the function asked for will not grow it.

        Raises
        ------
        VendorError
            With the vendor's words, in one sentence.
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
            except Exception as error:  # each network library has exceptions of its own
                last = error
        times = "once" if not self.retries else f"{self.retries + 1} times"
        raise VendorError(f"{what}: tried {times} without success; {_words(last)}.") from last


def _words(error: BaseException | None) -> str:
    """Return an error's own words in one line, with its type if it is not ours."""
    text = " ".join(str(error).split()).rstrip(".")
    if isinstance(error, VendorError):
        return text
    return f"{type(error).__name__}{': ' if text else ''}{text}"
