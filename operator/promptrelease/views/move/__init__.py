"""What would be: a move, what it would come to, and how far it has come.

``moving``     from where, to where and why, and the edit that asks for it
``preview``    as the operator would decide it; ``planning``: that in words
``reviewing``  what to see before one approves or denies
``progress``   how far it is
"""
