"""Search for inputs that break a promise: ``python tests/fuzz/run.py TARGET SECONDS``.

Coverage-guided, by Atheris. What it learns stays in build/fuzz/TARGET, and so does an input that
broke something, as ``crash-…``: copy that into tests/fuzz/corpus/TARGET under a name that says what
it is, and mend what it breaks.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LONGEST = 4096
TIMEOUT = 10

sys.path[:0] = [str(ROOT / "operator"), str(ROOT / "tests")]
with atheris.instrument_imports(include=["promptrelease"]):
    from fuzz.mutate import mutated
    from fuzz.targets import TARGETS

JSON = ("variables", "verdict", "mount", "claim")


def main() -> None:
    """Search, until time is up or something broke."""
    name, seconds = sys.argv[1], int(sys.argv[2])
    learnt = ROOT / "build" / "fuzz" / name
    learnt.mkdir(parents=True, exist_ok=True)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        f"-timeout={TIMEOUT}",
        f"-artifact_prefix={learnt}/",
        f"-dict={HERE / 'words.dict'}",
        "-print_final_stats=1",
    ]
    seeds = HERE / "corpus" / name
    arguments = [sys.argv[0], *options, str(learnt), str(seeds)]
    mutator = {"custom_mutator": _mutated} if name in JSON else {}
    atheris.Setup(arguments, TARGETS[name], **mutator)
    atheris.Fuzz()


def _mutated(data: bytes, most: int, seed: int) -> bytes:
    return mutated(data, most, seed, atheris.Mutate)


if __name__ == "__main__":
    main()
