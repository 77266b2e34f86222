"""The pictures: from uploaded bytes to checked, embedded artworks. Knows no viewers, no policies, no database."""
