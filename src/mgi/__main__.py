"""Entry point of `python -m mgi`."""

import sys

from mgi.cli import main

sys.exit(main(sys.argv[1:]))
