"""What is known of a cluster, in plain values: objects go in, views for ``release.plan`` come out.

No I/O: the operator feeds it by watches and the answers to its writes, the command line by lists.

``store``   objects by prompt; of two states of one the newer stays
``sinks``   where lists and watches put what they hear
``scenes``  what concerns several prompts: suites, evaluations, who stands beside whom on a label
``labels``  the index for that: served, waiting and the graph, by namespace and label
"""
