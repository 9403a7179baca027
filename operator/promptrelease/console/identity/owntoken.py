"""The console's own token, by which it acts for people; kubelet changes its file now and then."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from promptrelease.views.failures import Unreachable

SECONDS = 30.0


@dataclass
class OwnToken:
    """A token in a file; an empty path for none."""

    file: str
    _token: str = ""
    _read: float = -SECONDS

    def now(self) -> str:
        """The token, read again twice a minute. Raises Unreachable when it can't be."""
        if self.file and time.monotonic() - self._read >= SECONDS:
            try:
                self._token = Path(self.file).read_text().strip()
            except OSError as error:
                raise Unreachable(
                    f"the console can't read its own token: {error.strerror}", "try again"
                ) from error
            self._read = time.monotonic()
        return self._token
