"""No test depends on how fast the machine is: time limits are minutes, and have one home."""

import ast
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

FILES = sorted(Path(__file__).resolve().parent.rglob("*.py"))
LIMITS = {"timeout", "deadline"}  # keyword arguments that are time limits
WAITS = {"wait", "join", "communicate"}  # methods whose first argument is one
MINUTES = 120  # seconds: a limit that must be short of something else may be a number from here on


def limits(source):
    """Return the lines on which a number of seconds is written as a time limit."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        values = [word.value for word in node.keywords if word.arg in LIMITS]
        if isinstance(node.func, ast.Attribute) and node.func.attr in WAITS:
            values += node.args[:1]
        numbers = (v for v in values if isinstance(v, ast.Constant))
        found += [
            v.lineno for v in numbers if isinstance(v.value, int | float) and v.value < MINUTES
        ]
    return found


@pytest.mark.slow
def test_time_limits_come_from_conftest():
    found = {str(path): limits(path.read_text()) for path in FILES}
    assert {path: lines for path, lines in found.items() if lines} == {}, "take `TIME_LIMIT`"


def test_a_number_as_a_limit_is_found_in_any_of_its_forms():
    source = [
        "subprocess.run(['ls'], timeout=60)",
        "process.wait(30)",
        "process.wait(timeout=1.5)",
        "Client(address, timeout=1)",
        "lock.acquire(timeout=150)",
        "event.wait(TIME_LIMIT), ', '.join('ab'), os.path.join('a', 'b')",
        "thread.join(), settings(deadline=None), run(timeout=TIME_LIMIT)",
    ]
    assert limits("\n".join(source)) == [1, 2, 3, 4]


def test_hypothesis_has_no_deadline_either():
    assert settings().deadline is None
    assert HealthCheck.too_slow in settings().suppress_health_check
