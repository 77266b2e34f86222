"""The HTTP API: one file a resource, wire models beside their routes."""
