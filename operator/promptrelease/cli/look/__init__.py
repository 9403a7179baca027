"""What is: pure, but for how it looks on a terminal.

``overview``   a release, read from its JSON; ``advice``: what to do about what it waits for
``statusview`` how that looks; ``following``: what changed between two looks
``loglines``   the change log; ``sheet``: one version; ``refs``: which one is meant
``comparing``  two versions, part by part, by ``words``; ``diffview``: how that looks
``graphing``   who consumes whom
"""
