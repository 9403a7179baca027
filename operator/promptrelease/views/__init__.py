"""What people are told and may ask for, as plain values: for the terminal and for the browser.

``look``      what is: releases, versions, differences, the log, the graph
``move``      what would be: moves, what they come to, and how far they are
``drafting``  drafts of versions
``failures``  what can go wrong, in words
``plain``     text from elsewhere, made harmless
"""
