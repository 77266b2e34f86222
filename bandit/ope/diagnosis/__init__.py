"""Whether a log can answer at all: faults of rows, overlap, support, calibration, drift, and the verdict on them."""
