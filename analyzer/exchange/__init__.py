"""``analyzer export`` and ``analyzer import``: findings out to others, their evidence in."""
