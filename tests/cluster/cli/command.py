"""The command line as a process."""

from __future__ import annotations

import sys

COMMAND = (sys.executable, "-m", "promptrelease.cli.main")
