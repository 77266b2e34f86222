"""Online experiments: who is in which cell, and what the cells say. Knows no HTTP and no SQL."""
