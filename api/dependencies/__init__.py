"""What routes and jobs are handed: services built at start, never at import."""
