"""The choice: decide, learn, evaluate, rehearse. Knows no HTTP and no SQL."""
