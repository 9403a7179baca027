"""The API server, as the person who is signed in."""
