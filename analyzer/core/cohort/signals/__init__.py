"""Signals: each measures one kind of coordination of a cohort against its own null.

The contract of the family:

* ``measure(cohorts)`` gives one number per cohort, shape (cohorts,), float64;
* in [0, 1], high is strange; NaN is "I can't know" (too little data);
* it never changes what it is given, draws no random numbers and reads no clock;
* what it asks of the window as a whole, it asks by ``window.once``: cohorts, and then campaigns,
  are measured in the same window;
* the object that defines the cohort is left out of its own null;
* a signal of the family ``against`` speaks for innocence.

Each docstring gives its formula, in which c(x) is x clipped to [0, 1]; ``schemas/signals.md`` has
them all.
The list of all signals is :mod:`analyzer.core.cohort.catalog`.
"""
