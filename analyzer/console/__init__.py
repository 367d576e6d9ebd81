"""What people see on a terminal: alerts, settings, the doctor's findings and the demo."""
