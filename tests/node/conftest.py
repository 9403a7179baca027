"""The node, its operator and a namespace, for the tests of this folder."""

from __future__ import annotations

from harness.node_fixtures import bare_node, node, pods

__all__ = ["bare_node", "node", "pods"]
