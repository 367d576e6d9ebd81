"""Step 3: panes become sliding windows, windows become cohorts, cohorts are scored."""
