"""Who may ask: with the setting `API_KEYS`, only who sends one of its keys in `x-api-key`."""

import hmac
import os
from hashlib import sha256

from functions.kit.problem import Problem

SETTING = "API_KEYS"
HEADER = "x-api-key"


class BadKey(Problem):
    status, reason, title = 401, "bad_key", "A key is needed"


def check(given: str | None) -> None:
    """Raise `BadKey` unless `given`, the header's value, is one of the keys that are set.

    `API_KEYS` holds them with commas between; without it, or with nothing in it, anybody may ask.
    How long this takes tells nothing about the keys, and no message holds one.
    """
    setting = os.environ.get(SETTING, "")
    if not setting:
        return
    keys = [key.strip() for key in setting.split(",")]
    if given is None:
        raise BadKey(f"There is no key. Send yours in the header '{HEADER}'.")
    # latin-1 is how a header's bytes come from the server. Of UTF-8 in it, Python's own idea of
    # white space would take a byte: "à" ends in what is a space to latin-1.
    mine = sha256(given.strip(" \t").encode("latin-1", "replace")).digest()
    same = [hmac.compare_digest(mine, sha256(os.fsencode(key)).digest()) for key in keys if key]
    if not any(same):
        raise BadKey(f"The key in the header '{HEADER}' is not one that is known here.")
