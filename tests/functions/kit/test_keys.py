"""Who may ask."""

import pytest

from functions.kit import keys


@pytest.mark.parametrize("setting", [None, ""])
def test_without_keys_anybody_may_ask(setting: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(keys.SETTING, raising=False)
    if setting is not None:
        monkeypatch.setenv(keys.SETTING, setting)
    keys.check(None)
    keys.check("anything")


@pytest.mark.parametrize(
    "given", ["one", "two", " two ", "schl\xc3\xbcssel", "cl\xc3\xa9 \xc3\xa0"]
)
def test_any_of_the_keys_will_do(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(keys.SETTING, "one, two,schlüssel,clé à,")
    keys.check(given)


@pytest.mark.parametrize("setting", ["secret,hidden", "secret, hidden,", ",", " "])
@pytest.mark.parametrize(
    "given", [None, "", ",", "secre", "Secret", "secret,hidden", "secret hidden", "\u2603"]
)
def test_nothing_else_will(
    given: str | None, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(keys.SETTING, setting)
    with pytest.raises(keys.BadKey) as caught:
        keys.check(given)
    assert caught.value.detail.endswith(".")
    assert "secret" not in caught.value.detail.lower()
