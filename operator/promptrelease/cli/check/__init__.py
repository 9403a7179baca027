"""What is wrong: pure.

``checkup``, ``installation``  for ``doctor``: prompts, and what serves them
``linting``    for ``lint``: the server's ``rules``, manifests ``together``, and the ``findings``
"""
