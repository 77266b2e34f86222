"""The edges: everything that touches a socket, a table, a disk, a terminal or a browser."""
