"""Online River models that the campaign step learns: what verdicts teach."""
