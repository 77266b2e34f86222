"""The main job, rehearsed: a simulation of viewers on the real components."""
