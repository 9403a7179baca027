"""How what is looks on a terminal.

``statusview`` a release; ``sheet``: one version; ``diffview``: differences
"""
