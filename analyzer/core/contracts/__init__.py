"""What the steps hand to one another and to people: events, columns, blocks, records, time."""
