"""Pages: each module has ``ROUTES``; a page is ``async (Context) -> Response``, ``signed_in``."""
