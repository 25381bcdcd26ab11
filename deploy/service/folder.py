"""A folder that a process has while it runs, and that does not stay when it is killed.

It holds a lock on a file there, which the kernel lets go of however it ends. So whoever comes next
knows by that alone whose folders are nobody's any more: by no number of a process, which another
may have by now, or in another container, and by no time.
"""

import fcntl
import os
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

LOCK = "lock"


class OwnFolder(tempfile.TemporaryDirectory[str]):
    """A new folder in `within`; those of that `prefix` whose processes were killed are removed.

    What has no lock file, or is another user's, is left alone. Raises OSError.
    """

    def __init__(self, prefix: str, within: Path) -> None:
        for left in within.glob(f"{prefix}*"):
            with suppress(OSError):  # It is in use, or none of ours.
                _remove(left)
        super().__init__(prefix=prefix, dir=within)
        # Locked before it has its name, so that it is never taken for a dead one's.
        unready = Path(self.name, f"{LOCK}.new")
        self._lock = os.open(unready, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        unready.rename(unready.with_name(LOCK))

    def cleanup(self) -> None:
        super().cleanup()
        os.close(self._lock)


def _remove(folder: Path) -> None:
    """Remove a folder that nobody has; its lock last, so that what remains is still known."""
    its = folder.lstat()
    if not stat.S_ISDIR(its.st_mode) or its.st_uid != os.getuid():
        return
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != LOCK:
                path.unlink()
        (folder / LOCK).unlink()
        folder.rmdir()
    finally:
        os.close(lock)
