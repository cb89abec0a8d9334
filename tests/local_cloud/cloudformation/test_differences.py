from millrace_plugin.cloudformation.differences import changed_properties


def test_scalars_are_compared_as_text() -> None:
    """A parameter is text, a literal may be a number: the value is the same."""
    assert changed_properties({"A": 60, "B": {"C": [True]}}, {"A": "60", "B": {"C": ["true"]}}) == []


def test_changed_added_and_removed_properties_are_named() -> None:
    """In the order of their names."""
    assert changed_properties({"A": 1, "B": 1, "C": 1}, {"A": 1, "C": 2, "D": 3}) == ["B", "C", "D"]
