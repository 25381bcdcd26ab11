"""`/`: one plain page for people, with the functions and a line of curl for each."""

from collections.abc import Mapping
from html import escape

from deploy.service import catalogue
from functions.kit import keys as key_setting
from functions.kit.manifest import Manifest

_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>halfgig</title>
<style>
body {{ font: 1rem/1.5 system-ui; max-width: 48rem; margin: 2rem auto; padding: 0 1rem }}
pre {{ overflow-x: auto; padding: .75rem; border: 1px solid #8886; border-radius: .25rem }}
</style>
<h1>halfgig</h1>
<p>Audio functions that fit in half a gigabyte. Post a recording, and get JSON.</p>
{sections}
<h2>All of them at once</h2>
<pre tabindex="0">{analyze}</pre>
<h2>More</h2>
<p>With <code>Accept: text/event-stream</code> the place in the queue and the progress come before
the result. Audio may also be the multipart field <code>file</code>, or <code>audio_base64</code>
in JSON.{key}</p>
<p><a href="/openapi.json">OpenAPI</a>, <a href="/functions">functions</a>,
<a href="/health">health</a>, <a href="/metrics">metrics</a></p>
</html>
"""

_SECTION = """\
<h2 id="{name}">{name}</h2>
<p>{summary} Up to {minutes:g} minutes, in at most {megabytes:g} MB.{also}</p>
<pre tabindex="0">{curl}</pre>"""


def html(functions: Mapping[str, Manifest], *, keys: bool, origin: str) -> str:
    """The page of a service of `functions` at `origin`, such as "https://example.org".

    keys : whether a POST needs one of the keys that are set
    """
    return _PAGE.format(
        sections="\n".join(_section(each, keys, origin) for each in functions.values()),
        analyze=escape(_curl(f"{origin}/analyze", keys)),
        key=(
            f" Each POST needs a key in the header <code>{key_setting.HEADER}</code>."
            if keys
            else ""
        ),
    )


def _section(function: Manifest, keys: bool, origin: str) -> str:
    own, *others = catalogue.routes(function)
    also = ", ".join(f"<code>{escape(route)}</code>" for route in others)
    return _SECTION.format(
        name=escape(function.name),
        summary=escape(function.summary),
        minutes=function.limits.seconds / 60,
        megabytes=function.limits.bytes / 1e6,
        also=f" As earlier services answered, also at {also}." if also else "",
        curl=escape(_curl(origin + own, keys)),
    )


def _curl(url: str, keys: bool) -> str:
    """The command that posts a recording to `url`."""
    header = f"-H '{key_setting.HEADER}: YOUR-KEY' " if keys else ""
    return f"curl {header}-H 'Content-Type: audio/ogg' --data-binary @recording.ogg {url}"
