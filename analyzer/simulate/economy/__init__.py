"""Worlds whose structure is drawn at random: an economy of innocents, and operations in it.

``economy`` makes one from a seed. Each seed draws who lives there, which fields the producers
send, which groups of innocents look alike and why, and none to fourteen operations of
independent styles. It shares no parameter with the named scenarios, so what was fitted on one
can be judged on the other. The same arguments give the same bytes.
"""

from analyzer.simulate.economy.economy import Economy, economy

__all__ = ["Economy", "economy"]
