"""Make one kind of trial many times and print one line: how many were tried, how many held."""

import argparse
import sys

from tests.reliability import exchange, files, kills, leaks, simulator
from tests.reliability.trials import repeat

TRIALS = {
    "simulator": simulator.trial,
    "rulebook": exchange.trial,
    "files": files.trial,
    "leaks": leaks.trial,
    "kills": kills.trial,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.reliability", description=__doc__)
    parser.add_argument("name", choices=sorted(TRIALS))
    parser.add_argument("--n", type=int, default=100, help="how many trials; default 100")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first trial")
    given = parser.parse_args()
    outcome = repeat(given.name, TRIALS[given.name], given.n, given.seed)
    print(outcome)
    return 0 if not outcome.failed else 1


if __name__ == "__main__":
    sys.exit(main())
