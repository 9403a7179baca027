"""One module for each group of commands; ``promptrelease.cli.main`` puts them together."""
