import pytest

from millrace_plugin.cloudformation.references import find_references


@pytest.mark.parametrize(
    ("part", "names"),
    [
        ({"A": {"Ref": "X"}, "B": [{"Fn::GetAtt": ["Y", "Arn"]}]}, ["X", "Y"]),
        ({"Fn::GetAtt": "Y.Outputs.Name"}, ["Y"]),
        ({"Fn::Sub": "arn:${X}:${Y.Arn}:${!Literal}"}, ["X", "Y"]),
        ({"Fn::Sub": ["${a}-${X}", {"a": {"Ref": "Y"}}]}, ["X", "Y"]),
        ({"Fn::Join": ["", ["a", {"Ref": "X"}]]}, ["X"]),
        ("text", []),
    ],
)
def test_what_a_part_of_a_template_refers_to(part: object, names: list[str]) -> None:
    """Each function that names a resource."""
    assert list(find_references(part)) == names
