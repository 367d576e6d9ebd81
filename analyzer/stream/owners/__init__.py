"""Who owns a partition and what an owner does with it: one owner a shard."""
