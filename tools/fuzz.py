"""Run the property tests of reading and writing tables on other made-up tables, for some minutes.

    python tools/fuzz.py --minutes 10

Ends with 1 at the first table on which a property fails; hypothesis prints it, made small.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = "tests/library/test_sharing_properties.py"
EXAMPLES = 300  # of each property in one round


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, help="of the first round; by default the time")
    options = parser.parse_args()
    seed = int(time.time()) if options.seed is None else options.seed
    until = time.monotonic() + 60 * options.minutes
    n_rounds = 0
    while time.monotonic() < until:
        command = [sys.executable, "-m", "pytest", "-q", "-x", TESTS, f"--hypothesis-seed={seed}"]
        environment = {**os.environ, "SYNTHTAB_FUZZ": str(EXAMPLES)}
        if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
            print(f"failed with --seed {seed}")
            return 1
        seed, n_rounds = seed + 1, n_rounds + 1
    print(f"{n_rounds} rounds of {EXAMPLES} tables of each kind: nothing failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
