"""The Helm chart's generated files: the same objects as ``manifests/`` and ``crds/``.

What is installed is written down once. The chart repeats those objects, with a template expression
where a value has a say. ``tests/cluster/test_chart.py`` compares what comes out of both.
"""
