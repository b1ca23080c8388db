"""Reads a file of a channel as python-tuf's client does: URL ROOT DIRECTORY NAME."""

import hashlib
import sys

from tuf.ngclient import Updater

url, root, directory, name = sys.argv[1:]
updater = Updater(
    metadata_dir=directory,
    metadata_base_url=url + "metadata/",
    target_base_url=url + "targets/",
    target_dir=directory,
    bootstrap=open(root, "rb").read(),
)
updater.refresh()
path = updater.download_target(updater.get_targetinfo(name))
content = open(path, "rb").read()
trusted = updater._trusted_set
print(trusted.root.version, trusted.timestamp.version, len(content), hashlib.sha256(content).hexdigest())
