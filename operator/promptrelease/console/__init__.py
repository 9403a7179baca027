"""The console: prompts released from a browser.

It holds no state and no rights of its own: all that it shows and does is done as the person who is
signed in, and the API server decides.

``main``      the program: settings, and a server
``app``       the pages together, and what stands before them
``identity``  who is signed in: OpenID Connect or a token; sessions, sign-out
``kube``      the API server, as that person; what is known of a namespace; what they may do
``listing``   the list of prompts; ``shown``: what one reads; ``acting``: what one does
``ownership`` whether a GitOps tool would put an edit back
``pages``     one module for a group of pages: what is asked, what is fetched, what is shown
``web``       what all pages share: context, headers, failures, templates
``templates``, ``static``  HTML, style and scripts
"""
