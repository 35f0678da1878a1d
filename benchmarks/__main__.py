"""Every benchmark, one after the other: ``python -m benchmarks``; or some: ``… job scaling``."""

import subprocess
import sys
from pathlib import Path

scripts = {p.stem.removeprefix("bench_"): p for p in Path(__file__).parent.glob("bench_*.py")}
unknown = [name for name in sys.argv[1:] if name not in scripts]
if unknown:
    raise SystemExit(
        f"no benchmark is named {unknown[0]!r}; there are {', '.join(sorted(scripts))}"
    )
for name in sys.argv[1:] or sorted(scripts):
    print(f"\n== {scripts[name].name}", flush=True)
    subprocess.run([sys.executable, "-W", "ignore", str(scripts[name])], check=False)
