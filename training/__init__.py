"""From labelled sentences to a verified model artifact, and its measurement.

May import ``relations`` and the training extra; never ``service`` or ``cli``.
"""
