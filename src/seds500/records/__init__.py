"""What a run leaves: its record, where that comes from, and how a page reads it."""
