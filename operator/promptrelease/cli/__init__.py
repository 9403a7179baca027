"""The command line: what can be done with manifests alone, by the operator's own pure code."""
