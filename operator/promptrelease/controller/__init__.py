"""The operator: what is heard goes into the state, a key into a queue, a worker writes the plan.

=============  =================================================================
``main``       the command: options, signals
``client``     where the API server is, and who we are
``operate``    the parts, put together and run until one ends
``handlers``   Kopf: releases as they change
``watch``      lists and watches what need not be Kopf's: versions, our ConfigMaps
``queue``      keys that want attention: serving, looking, recording, in that order
``worker``     take a key, plan, have the steps done
``serving``    write what workloads wait for
``early``      the same for edits that come while everything is still being listed
``records``    and what people read: statuses, the log, evaluations
``refresh``    pods that mount what has moved, told so
``contents``   bodies of versions, on demand, bounded in memory
``leader``     which of several operators writes
``kube``       the few calls to the API server
``recorder``   Events, counted instead of repeated
``health``     whether it lives, whether it is ready, and /metrics
``metrics``    what is counted and timed, for Prometheus
``gauges``     what there is, collected at each scrape
``series``     the same of single releases
``exposition`` all of that as text
``waits``      what a move waits for, in one word
``tally``      moves, repairs and withdrawals, counted and logged
``logs``       log lines, for people or as JSON
=============  =================================================================
"""
