"""A real Kubernetes API server for tests and the demo, on loopback, with nothing left behind."""
