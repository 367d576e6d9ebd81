"""Step 4: judged cohorts become campaigns with members, a kind, a severity, and alerts."""
