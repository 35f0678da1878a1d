"""Every benchmark, one after the other: ``python -m benchmarks``."""

import subprocess
import sys
from pathlib import Path

for script in sorted(Path(__file__).parent.glob("bench_*.py")):
    print(f"\n== {script.name}", flush=True)
    subprocess.run([sys.executable, "-W", "ignore", str(script)], check=False)
