"""Settings: what they are without a word, what they may be, and how a wrong one is told."""

from dataclasses import fields
from pathlib import Path

import pytest

from deploy import plans
from deploy.service import settings
from deploy.service.settings import Settings, SettingsError
from functions.kit import manifest
from tests.tree import ROOT

FUNCTIONS = manifest.discover(ROOT / "functions")


def load(**environ: str) -> Settings:
    return settings.load(environ, FUNCTIONS)


def test_nothing_has_to_be_set() -> None:
    its = load()
    assert (its.port, its.host, its.plan) == (10_000, "0.0.0.0", plans.load()["free"])
    assert (its.concurrency, its.queue_length, its.queue_seconds) == (1, 32, 120.0)
    assert (its.api_keys, its.rate_per_minute, its.cors_origins) == (False, 0.0, ())
    assert (its.disabled, its.urls, its.memory_mode) == (frozenset(), {}, "normal")
    assert (its.memory_watch, its.drain_seconds) == (True, 25.0)


def test_what_is_set_empty_is_not_set() -> None:
    assert load(PORT="", PLAN=" ", API_KEYS="", DISABLE_BEATS="", FUNCTION_BEATS_URL="") == load()


def test_everything_may_be_set(tmp_path: Path) -> None:
    its = load(
        PORT="8080",
        PLAN="standard",
        CONCURRENCY="3",
        QUEUE_LENGTH="0",
        API_KEYS="one,two",
        RATE_PER_MINUTE="0.5",
        CORS_ORIGINS="https://a.example, http://localhost:3000/",
        MAX_BODY_MB="1.5",
        SPOOL_MB="64",
        TMPDIR=str(tmp_path),
        DISABLE_BEATS="yes",
        DISABLE_EMOTION="0",
        FUNCTION_VOICE_DETECT_URL="https://me:secret@example.org:8443/x?code=1",
        MEMORY_MODE="Lite",
        MEMORY_WATCH="off",
    )
    assert (its.port, its.plan.name, its.concurrency, its.queue_length) == (8080, "standard", 3, 0)
    assert (its.api_keys, its.rate_per_minute) == (True, 0.5)
    assert its.cors_origins == ("https://a.example", "http://localhost:3000")
    assert (its.max_body_mb, its.spool_mb, its.tmpdir) == (1.5, 64.0, tmp_path)
    assert its.disabled == {"beats"}
    assert its.urls == {"voice_detect": "https://me:secret@example.org:8443/x?code=1"}
    assert (its.memory_mode, its.memory_watch) == ("lite", False)


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("PORT", "http", "a port"),
        ("PORT", "70000", "a port"),
        ("PLAN", "huge", "one of free, starter, standard"),
        ("CONCURRENCY", "0", "at least 1"),
        ("CONCURRENCY", "1.5", "a whole number"),
        ("QUEUE_LENGTH", "-1", "a whole number"),
        ("QUEUE_SECONDS", "nan", "a number of seconds"),
        ("QUEUE_SECONDS", "inf", "a number of seconds"),
        ("RATE_PER_MINUTE", "many", "a number, 0 or more"),
        ("CORS_ORIGINS", "example.org", "https://example.org"),
        ("CORS_ORIGINS", "https://example.org/page", "origins such as"),
        ("MAX_BODY_MB", "0", "more than 0"),
        ("SPOOL_MB", "nan", "more than 0"),
        ("TMPDIR", "/no/such/folder", "a folder that can be written to"),
        ("DISABLE_BEATS", "maybe", "1 or 0"),
        ("MEMORY_MODE", "tiny", "lite or normal"),
        ("MEMORY_WATCH", "2", "1 or 0"),
    ],
)
def test_what_can_not_be_used(name: str, value: str, wanted: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(**{name: value})
    said = str(caught.value)
    assert said.startswith(f"{name} is '{value}'. It must be ")
    assert wanted in said


@pytest.mark.parametrize(
    "value",
    ["example.org/hidden", "ftp://hidden", "https://", "http://a:hidden", "http://a b/hidden"],
)
def test_an_address_that_is_none_is_not_shown(value: str) -> None:
    with pytest.raises(SettingsError, match="FUNCTION_BEATS_URL") as caught:
        load(FUNCTION_BEATS_URL=value)
    assert "hidden" not in str(caught.value)


def test_the_address_of_no_function() -> None:
    with pytest.raises(SettingsError, match=r"FUNCTION_BEAT_URL is set, but .* FUNCTION_BEATS_URL"):
        load(FUNCTION_BEAT_URL="https://example.org")


def test_what_is_not_ours_does_not_matter() -> None:
    assert load(DISABLE_TELEMETRY="x", FUNCTION_TARGET="handle", PATH="/bin") == load()


def test_each_field_says_what_its_variable_does() -> None:
    source = (ROOT / "deploy" / "service" / "settings.py").read_text()
    for field in fields(Settings):
        assert f"\n    {field.name}: " in source
        after = source.partition(f"\n    {field.name}: ")[2].partition("\n")[2]
        assert after.startswith('    """'), field.name
    assert settings.variable("urls") == "FUNCTION_<NAME>_URL"
    assert settings.variable("port") == "PORT"
