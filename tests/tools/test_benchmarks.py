import pytest

from tools import benchmarks

PRINTED = """2 cores, 24 GiB
drain   17,500 rows/s (16,000 to 18,200)
follow  p50 4.0 ms, p99 17.5 ms from commit to consumer
"""


def test_every_number_of_a_line_is_a_figure_of_its_own() -> None:
    figures = benchmarks.figures(PRINTED)

    assert figures["drain # rows/s (# to #)"] == 17_500
    assert figures["drain # rows/s (# to #) [3]"] == 18_200
    assert [value for name, value in figures.items() if name.startswith("follow")] == [4.0, 17.5]


@pytest.mark.parametrize(
    ("here", "there", "mark"),
    [
        ([110, 111, 112], [100, 101, 102], "differs"),
        ([103, 104, 104], [100, 101, 102], ""),
        ([90, 110, 130], [80, 100, 120], ""),
    ],
    ids=["apart and beyond 5 %", "apart within 5 %", "overlapping"],
)
def test_marks_what_lies_beyond_five_per_cent_and_outside_both_spreads(
    here: list[float], there: list[float], mark: str
) -> None:
    [line] = benchmarks.compare({"rate": here}, {"rate": there})

    assert line.endswith("differs") == (mark == "differs")


def test_leaves_out_what_never_varies() -> None:
    assert benchmarks.compare({"budget": [20, 20]}, {"budget": [20, 20]}) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no_such"], "There is no benchmark 'no_such'"),
        (["imports", "--runs", "3"], "--beside"),
        (["imports", "--beside", "/"], "no checkout"),
        (["growth", "imports", "--events", "9"], "imports has a size of its own. --events is for growth."),
        (["growth", "--events", "0"], "at least 1"),
    ],
    ids=["unknown name", "runs without beside", "beside no checkout", "events without effect", "no events"],
)
def test_says_what_is_wrong_with_the_request(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        benchmarks.main(arguments)

    assert said in capsys.readouterr().err
