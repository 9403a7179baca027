"""``kubectl prompt``: the command line.

``main``       the commands together, and how they end
``commands``   one module for a group of commands: what is asked, what is fetched, what is printed
``look``       what is: releases, versions, differences, the log, the graph
``move``       what would be: moves, what they come to, and how far they are
``check``      what is wrong: ``doctor`` and ``lint``
``drafting``   drafts of versions; ``rendering``: files from manifests; ``chain``: the log's answer
``manifests``  resources from files, with the line of every mistake
``cluster``    the API server, as the person at the terminal
``asking``     questions to that person
``completing``, ``kubectl_complete``  what a shell completes
``failures``   what can go wrong, with its exit code
``options``, ``output``  what all commands share
"""
