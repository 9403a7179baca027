"""Moves from a terminal.

``fetching``   what is read of a cluster to say what a move would come to
``waiting``    staying with a move until it is served
"""
