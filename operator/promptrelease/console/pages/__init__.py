"""Pages: each module has ``ROUTES``; a page is ``async (Context) -> Response``, ``signed_in``.

``ALL`` in ``every`` has the routes of all modules.
"""
