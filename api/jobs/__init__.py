"""Work done outside a request: embed, join, learn, evaluate, train, export."""
