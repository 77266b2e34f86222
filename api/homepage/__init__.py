"""The pipeline of a page, one small file a stage. Knows no HTTP and no SQL."""
