"""The verdict in one or two plain sentences."""

from collections.abc import Sequence

from functions.voice_detect.votes import HUMAN, MACHINE, Decision, Vote, label

WORDS = {HUMAN: "human", MACHINE: "machine-made"}
FEATURES = {
    "energy": "energy",
    "energy_variance": "variance of the energy",
    "zero_crossing_rate": "zero-crossing rate",
    "temporal_variation": "temporal variation",
    "embedding_variance": "variance of the embedding",
}


def explain(
    probability: float,
    score: float,
    votes: Sequence[Vote],
    decision: Decision,
    *,
    clear: bool,
    parts: set[str],
) -> str:
    """Why the voice has its label, or that it is not sure.

    clear : whether there is speech enough.
    parts : the labels that windows have for certain.
    """
    verdict = _verdict(probability, decision, clear, parts)
    return f"{verdict} {_why(decision.leaning(score) >= 0, votes)}"


def _verdict(probability: float, decision: Decision, clear: bool, parts: set[str]) -> str:
    chance = f"the probability that it is machine-made is {_percent(probability)}"
    if not clear:
        return f"Not sure, as there is little speech: {chance}."
    if decision.certain(probability):
        its = label(probability)
        throughout = ", though not all of it does" if parts - {its} else ""
        return f"This sounds {WORDS[its]}{throughout}: {chance}."
    if len(parts) == 2:
        return f"Not sure, as parts sound human and parts machine-made: {chance}."
    low, high = (f"{100 * at:.0f} %" for at in (decision.human_below, decision.machine_above))
    return f"Not sure: {chance}, and from {low} to {high} it is not relied on."


def _why(machine: bool, votes: Sequence[Vote]) -> str:
    """Of the features only those that weigh something are told of."""
    outside = [FEATURES[its.feature] for its in votes if its.vote == MACHINE and its.weight > 0]
    if not outside:
        told = "every feature that counts is as usual in human speech"
    else:
        *most, last = outside
        names = f"{', '.join(most)} and {last} are" if most else f"{last} is"
        told = f"{names} not as usual in human speech"
    joined = "and" if machine == bool(outside) else "but"
    return f"The network's score speaks for a {'machine' if machine else 'human'}, {joined} {told}."


def _percent(probability: float) -> str:
    if probability < 0.01:
        return "under 1 %"
    if probability > 0.99:
        return "over 99 %"
    return f"{100 * probability:.0f} %"
