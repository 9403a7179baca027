"""``kubectl prompt``: the command line.

``main``       the commands together, and how they end
``commands``   one module for a group of commands: what is asked, and how it is shown
``cluster``    the API server, as the person at the terminal
``manifests``  resources from files, with the line of every mistake
``failures``   what can go wrong, with its exit code
``options``, ``output``  what all commands share
"""
