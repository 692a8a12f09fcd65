"""What a table is, how it becomes arrays, and how its rows are divided."""
