"""What pages show, as plain values made of what the API server gave; nothing here does I/O.

``marked``      templates cut into text, variables and includes
``difference``  what differs between two versions, as titled parts with unchanged stretches folded
``compiling``   the preview of a compiled prompt: fields, what was filled in, what comes of it
``prompts``     a prompt: labels, what waits, versions
``waiting``     what a move waits for and what to do about it, in sentences with links
``timeline``    the change log in sentences, filtered, page by page
``layers``      where the nodes of a graph go, so that arrows run one way and cross little
``drawing``     the dependency graph as boxes and arrows
``verdicts``    evaluations: candidate beside baseline, case by case
"""
