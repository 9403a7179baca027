"""``kubectl prompt``: the command line.

``main``       the commands together, and how they end
``commands``   one module for a group of commands: what is asked, what is fetched, what is printed
``look``       how what is looks on a terminal; ``promptrelease.views`` says what that is
``move``       what moves need of a cluster, and staying with them
``check``      what is wrong: ``doctor`` and ``lint``
``rendering``  files from manifests; ``chain``: the log's answer
``manifests``  resources from files, with the line of every mistake
``cluster``    the API server, as the person at the terminal
``asking``     questions to that person
``completing``, ``kubectl_complete``  what a shell completes
``options``, ``output``  what all commands share
"""
