from benchmarks.service_scheduler import decisions, markdown, measure


def test_the_same_seed_gives_the_same_history() -> None:
    first = [effects for _, effects in decisions(500, 1)]
    assert first == [effects for _, effects in decisions(500, 1)]
    assert first != [effects for _, effects in decisions(500, 1, seed=6)]


def test_the_history_is_one_of_a_service_that_is_busy() -> None:
    result = measure(3000, 3)
    assert result["decisions"] == 3000
    assert {"Forward", "Start", "Stop", "Lose"} <= result["effects"].keys()
    assert result["p50_us"] <= result["p99_us"] <= result["max_us"]
    assert f"{result['effects']['Forward']} Forward" in markdown({"3": result})
