"""The compiled way of a format: its common records become native ones without Python objects.

A format that has such a way says, in a :class:`~.recipe.Recipe`, where its records hold what and
what it makes of that. The recipe becomes tables of numbers (:mod:`.plan`), with which one
compiled function walks any record (:mod:`.walk`) and writes native ones (:mod:`.write`).

A record that this way is not sure of is left to the format's own ``read``, which is exact; what
both read, they read alike to the byte.
"""
