"""Reads a file of a channel as python-tuf's client does, with a clock of its own: URL ROOT DIRECTORY NAME."""

import datetime
import hashlib
import sys
from unittest.mock import patch

from tuf.ngclient import Updater
from tuf.ngclient._internal import trusted_metadata_set

url, root, directory, name = sys.argv[1:]


class Clock(datetime.datetime):
    """The time of the tests, which does not pass."""

    @classmethod
    def now(cls, tz=None):
        return datetime.datetime(2026, 1, 1, 2, tzinfo=tz)


with patch.object(trusted_metadata_set.datetime, "datetime", Clock):
    updater = Updater(
        metadata_dir=directory,
        metadata_base_url=url + "metadata/",
        target_base_url=url + "targets/",
        target_dir=directory,
        bootstrap=open(root, "rb").read(),
    )
    updater.refresh()
    info = updater.get_targetinfo(name)
    path = updater.download_target(info)
content = open(path, "rb").read()
trusted = updater._trusted_set
print(trusted.root.version, trusted.timestamp.version, len(content), hashlib.sha256(content).hexdigest())
