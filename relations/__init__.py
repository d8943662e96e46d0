"""The domain: English news text in, relations between countries out.

May import numpy, scikit-learn and the text libraries; never ``service``, ``training`` or ``cli``.
"""
