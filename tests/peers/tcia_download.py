"""Let tcia_utils download a collection from another address; run by the Python that has tcia_utils, not by ours.

Its only setting of an address is `setApiUrl`, which allows two hosts of TCIA: this process gives it another answer.
Prints a line of JSON at the end: series -> number of images, from its table of metadata.

    python tcia_download.py http://127.0.0.1:8000/nbia-api/services/v4/ FOLDER COLLECTION [y: with md5 hashes]
"""

import json
import sys

from tcia_utils import nbia

BASE_URL, FOLDER, COLLECTION = sys.argv[1:4]
HASH = sys.argv[4] if len(sys.argv) > 4 else ""


def at_the_archive(endpoint: str, api_url: str = "") -> str:
    """Stand in for nbia.setApiUrl, which it calls before every request."""
    return BASE_URL


nbia.setApiUrl = at_the_archive
series = nbia.getSeries(collection=COLLECTION)
listed = nbia.downloadSeries(series, path=FOLDER, hash=HASH, format="df")
counts = dict(zip(listed["Series UID"], listed["Number of Images"].tolist(), strict=True))
print(json.dumps(counts))
