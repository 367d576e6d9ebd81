"""Step 2: event columns of one account shard become rows per organisation, pane by pane."""
