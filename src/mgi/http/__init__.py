"""The only sockets: one client of a service, with its limits, retries, downloads and credentials."""
