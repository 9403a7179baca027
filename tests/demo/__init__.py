"""`make demo`: the main job, on an embedded Kubernetes or on one that you have."""
