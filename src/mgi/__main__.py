"""Entry point of `python -m mgi`, the same as the script `mgi`."""

import sys

from mgi.cli import main

if __name__ == "__main__":
    sys.exit(main())
