"""One Hypothesis profile for the unit tests: the same examples every time, and no deadline on a slow machine."""

from hypothesis import settings

settings.register_profile("unit", max_examples=40, deadline=None, derandomize=True, database=None)
settings.load_profile("unit")
