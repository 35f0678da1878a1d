"""Trials that are too long for the test suite, each repeated from a seed by one command.

    python -m tests.reliability simulator --n 1000 --seed 0

tests/test_reliability.py makes a few of each; docs/reliability.md says how many were made at
length, and with what result.
"""
