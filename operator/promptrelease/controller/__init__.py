"""The operator: what is heard goes into a store, a key into a queue, and a worker writes the plan.

=============  =================================================================
``main``       the command: options, signals
``client``     where the API server is, and who we are
``operate``    the parts, put together and run until one ends
``handlers``   Kopf: releases as they change
``watch``      lists and watches what need not be Kopf's: versions, our ConfigMaps
``store``      what is known, in plain values, by prompt
``queue``      keys that want attention, serving before recording
``worker``     take a key, plan, write
``refresh``    pods that mount what has moved, told so
``contents``   bodies of versions, on demand, bounded in memory
``kube``       the few calls to the API server
``recorder``   Events, counted instead of repeated
``health``     whether it lives, whether it is ready
=============  =================================================================
"""
