"""The command line: joins ``relations``, ``service`` and ``training``, each loaded only when a command needs it.

May import all of them; nothing imports it.
"""
