"""What people said: :mod:`.queue` holds it until its time, :mod:`.rules` what it does then."""
