"""One module per command of `python -m mgi_standin`."""
