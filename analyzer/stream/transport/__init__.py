"""Between Kafka and the owners: fetches in, messages out, positions kept."""
