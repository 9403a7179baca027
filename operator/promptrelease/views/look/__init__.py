"""What is.

``overview``   a release, read from its JSON; ``advice``: what to do about what it waits for
``following``  what changed between two looks
``loglines``   the change log; ``refs``: which version is meant
``comparing``  two versions, part by part, by ``words``; ``briefly``: that in plain lines
``graphing``   who consumes whom
"""
