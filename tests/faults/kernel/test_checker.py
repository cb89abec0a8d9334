"""The checker finds each kind of violation, whatever history it is hidden in."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.harness.checker import check, inversions, repeats
from tests.faults.harness.history import Applied, Command, History, Verdict

KEYS = ("a", "b", "c")
PLACES = st.tuples(st.integers(0, 3), st.integers(0, 1000))

type Damage = Callable[[History, int], History]


@st.composite
def good(draw: st.DrawFn) -> History:
    """A history in which nothing is wrong: keys apply in any mixture, and some records are repeated on the wire."""
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=2, max_size=40))
    commands = [Command(str(n), key, keys[:n].count(key), acknowledged=True) for n, key in enumerate(keys)]
    effects = tuple(Applied(each.id, each.key, each.sequence) for each in commands)
    repeated_from = draw(st.integers(0, len(effects) - 1))
    poison = draw(st.frozensets(PLACES, max_size=5))
    return History(
        commands=tuple(commands),
        executed=tuple(each.id for each in commands),
        effects=effects,
        wire=(*effects, *effects[repeated_from:]),
        poison=poison,
        letters=tuple(poison),
    )


@given(good())
def test_a_good_history_has_no_violation(history: History) -> None:
    """Repeats on the wire are counted, and are none."""
    assert check(history) == Verdict()
    assert check(history).violations == {}
    assert repeats(history) > 0


def without(several: tuple[Applied, ...], number: int) -> tuple[Applied, ...]:
    return several[:number] + several[number + 1 :]


def lose(history: History, number: int) -> History:
    return replace(history, effects=without(history.effects, number))


def apply_twice(history: History, number: int) -> History:
    return replace(history, effects=(*history.effects, history.effects[number]))


def execute_twice(history: History, number: int) -> History:
    return replace(history, executed=(*history.executed, history.executed[number]))


def invent(history: History, _number: int) -> History:
    return replace(history, effects=(*history.effects, Applied("nobody's", "d", 0)))


def dead_letter_a_good_one(history: History, _number: int) -> History:
    return replace(history, letters=(*history.letters, (9, 9)))


def dead_letter_twice(history: History, _number: int) -> History:
    return replace(history, poison=history.poison | {(8, 8)}, letters=(*history.letters, (8, 8), (8, 8)))


def forget_a_letter(history: History, _number: int) -> History:
    return replace(history, poison=history.poison | {(8, 8)})


def leave_unpublished(history: History, _number: int) -> History:
    return replace(history, backlog=1)


def give_up(history: History, _number: int) -> History:
    return replace(history, parked=1)


def leave_unread(history: History, _number: int) -> History:
    return replace(history, lag=1)


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        (lose, "lost"),
        (apply_twice, "doubled"),
        (execute_twice, "doubled"),
        (invent, "invented"),
        (dead_letter_a_good_one, "wrongly_dead"),
        (dead_letter_twice, "wrongly_dead"),
        (forget_a_letter, "not_dead"),
        (leave_unpublished, "backlog"),
        (give_up, "parked"),
        (leave_unread, "lag"),
    ],
)
@given(history=good(), data=st.data())
def test_one_violation_is_found_and_named(history: History, data: st.DataObject, damage: Damage, kind: str) -> None:
    """Wherever it is, and nothing else is blamed."""
    number = data.draw(st.integers(0, len(history.effects) - 1))

    assert list(check(damage(history, number)).violations) == [kind]


@given(history=good(), data=st.data())
def test_two_effects_of_a_key_in_the_wrong_order_are_an_inversion(history: History, data: st.DataObject) -> None:
    """On the wire as well as in the database."""
    key = data.draw(st.sampled_from(sorted({each.key for each in history.effects})))
    extra = (Applied("x", key, 1001), Applied("y", key, 1000))
    commands = tuple(Command(each.id, each.key, each.sequence, acknowledged=True) for each in extra)

    verdict = check(
        replace(
            history,
            commands=history.commands + commands,
            effects=history.effects + extra,
            wire=history.wire + extra,
        )
    )

    assert verdict.inverted == verdict.wire_inverted == [(key, 1001, 1000)]


@pytest.mark.parametrize("effects", [0, 1])
def test_what_nobody_acknowledged_may_have_an_effect_or_none(effects: int) -> None:
    """The client does not know, and so the checker demands neither."""
    one = Command("1", "a", 0, acknowledged=False)

    assert check(History(commands=(one,), effects=(Applied("1", "a", 0),) * effects)) == Verdict()


def test_what_nobody_acknowledged_has_no_two_effects() -> None:
    one = Command("1", "a", 0, acknowledged=False)

    assert check(History(commands=(one,), effects=(Applied("1", "a", 0),) * 2)).doubled == ["1"]


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([1, 2, 3], []),
        ([1, 2, 1, 2, 3], []),
        ([1, 2, 3, 1], []),
        ([2, 1], [(2, 1)]),
        ([1, 4, 2, 3, 4], [(4, 2), (4, 3)]),
    ],
)
def test_an_inversion_is_a_first_sight_after_a_younger_record(
    numbers: list[int], expected: list[tuple[int, int]]
) -> None:
    assert inversions(numbers) == expected
