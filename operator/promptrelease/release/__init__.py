"""The domain: what should be served, and what keeps it from being served.

Pure functions on plain values: no I/O, no clock, no Kubernetes client. ``plan(view, now)`` is the
heart; the operator, the command line and the tests all call the same one.
"""
