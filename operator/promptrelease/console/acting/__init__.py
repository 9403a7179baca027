"""What the pages share with which one acts.

``fetching``  what a decision hangs on, read as the person who is signed in
``sending``   asking for a move, guarded against somebody who was first
``planned``   what a move would come to, put together for a page
``around``    what stands beside a prompt on its labels, from the feed
``gates``     what a move waits for, by kind; ``steps``: how far it is
``place``     a label of a prompt, as an address names it
``keeping``   nothing that was typed is lost when the API server is away
``drafts``    a version as a form, and back; ``checking``: what is wrong with it
"""
