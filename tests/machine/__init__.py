"""The toy ingestion on a machine that misbehaves: `python -m machine`, or `make machine`."""
