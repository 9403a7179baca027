"""The served content: what a template, a digest and the files of a ConfigMap are.

This is the lowest layer: the operator writes these files, the reader in the workload reads
them, and both must agree to the byte. Standard library only.
"""
