"""A loopback service that answers as the GDC and NBIA do, over a folder; standard library only."""
