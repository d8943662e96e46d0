"""The HTTP face: routes, schemas, errors, the server. Whatever knows of requests belongs here.

May import ``relations`` and the web libraries; never ``training`` or ``cli``.
"""
