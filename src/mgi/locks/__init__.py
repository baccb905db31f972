"""What exists, what was chosen, what was fetched, and what every source can do."""
