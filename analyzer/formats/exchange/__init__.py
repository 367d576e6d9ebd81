"""Exchange formats out: findings in the shapes that security teams and partners read.

``ocsf`` for a SIEM in the house, ``stix`` for partners outside, ``tables`` for people. What may
leave the house is decided in ``sharing`` alone.
"""
