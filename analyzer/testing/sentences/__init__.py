"""Every sentence of an alert counted again, from the raw events that it stands on.

``truth`` holds the events, ``counted`` has a count for each form of a sentence, ``forms`` lists
the forms.
"""
