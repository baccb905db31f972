"""Clients of the archives: discover, lock, fetch, verify. The only package that opens sockets."""
