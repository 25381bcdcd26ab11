"""The page: the functions there are, and commands that can be run as they stand."""

import re
import shlex
from html import unescape
from html.parser import HTMLParser

from deploy.service import page
from functions.kit import manifest
from tests.tree import ROOT, Tree

FUNCTIONS = manifest.discover(ROOT / "functions")
ORIGIN = "https://example.org"


def commands(html: str) -> list[list[str]]:
    """What the page says to run, in words as a shell has them."""
    return [shlex.split(unescape(text)) for text in re.findall(r"(?s)<pre[^>]*>(.*?)</pre>", html)]


def test_a_line_for_each_function_and_one_for_all() -> None:
    shown = commands(page.html(FUNCTIONS, keys=False, origin=ORIGIN))
    assert [words[-1] for words in shown] == [
        *(f"{ORIGIN}/{name}" for name in FUNCTIONS),
        f"{ORIGIN}/analyze",
    ]
    assert all(words[0] == "curl" for words in shown)
    assert all("x-api-key: YOUR-KEY" not in words for words in shown)


def test_keys() -> None:
    html = page.html(FUNCTIONS, keys=True, origin=ORIGIN)
    assert all("x-api-key: YOUR-KEY" in words for words in commands(html))
    assert "<code>x-api-key</code>" in html


def test_links_lead_somewhere() -> None:
    html = page.html(FUNCTIONS, keys=False, origin=ORIGIN)
    assert set(re.findall(r'href="(.*?)"', html)) == {
        "/openapi.json",
        "/functions",
        "/health",
        "/metrics",
    }


def test_it_is_small_and_needs_no_script() -> None:
    html = page.html(FUNCTIONS, keys=True, origin=ORIGIN)
    assert len(html) < 8_000
    assert "<script" not in html
    assert "src=" not in html


def test_what_a_client_sent_is_text() -> None:
    html = page.html(FUNCTIONS, keys=False, origin="http://<script>alert(1)</script>")
    tags: list[str] = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            tags.append(tag)

    Tags().feed(html)
    assert "script" not in tags


def test_a_function_that_was_dropped_in(tree: Tree) -> None:
    functions = manifest.discover(tree.root / "functions")
    html = page.html(functions, keys=False, origin=ORIGIN)
    assert '<h2 id="echo">' in html
    assert "Does what the words in a file say." in html
