"""Whether what decides still behaves: tests over the recent log that hold under any number of looks."""
