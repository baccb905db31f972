"""Let tcia_utils download series from another address; run by the Python that has tcia_utils, not by ours.

Its only setting of an address is `setApiUrl`, which allows two hosts of TCIA: this process gives it another answer.

    python tcia_download.py http://127.0.0.1:8000/nbia-api/services/v4/ FOLDER COLLECTION [WORKERS]
"""

import json
import sys

from tcia_utils import nbia

BASE_URL, FOLDER, COLLECTION = sys.argv[1:4]
WORKERS = int(sys.argv[4]) if len(sys.argv) > 4 else 10  # its own default


def at_the_archive(endpoint: str, api_url: str = "") -> str:
    """Stand in for nbia.setApiUrl, which it calls before every request."""
    return BASE_URL


nbia.setApiUrl = at_the_archive
series = nbia.getSeries(collection=COLLECTION)
nbia.downloadSeries(series, path=FOLDER, hash="y", max_workers=WORKERS)
print(json.dumps(sorted(row["SeriesInstanceUID"] for row in series)))
