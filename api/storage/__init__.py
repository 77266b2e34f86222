"""Tables, files and the decision log. Knows no HTTP."""
