"""Key sets: made, rotated and published."""

import jwt

from kernel.web import keys


def test_a_new_set_has_two_keys_that_sign_and_verify() -> None:
    """Each private key's signature holds by the public half with its id, and by no other."""
    signing = keys.new_signing_keys()
    public = {key["kid"]: jwt.PyJWK(key) for key in keys.public(signing)["keys"]}
    assert len(public) == 2
    for key in signing["keys"]:
        token = jwt.encode({"a": 1}, jwt.PyJWK(key), algorithm="ES256")
        holds = {}
        for kid, each in public.items():
            try:
                jwt.decode(token, each, algorithms=["ES256"])
            except jwt.InvalidSignatureError:
                holds[kid] = False
            else:
                holds[kid] = True
        assert holds == {kid: kid == key["kid"] for kid in public}


def test_every_set_is_new() -> None:
    """No key and no id twice."""
    made = [key for _ in range(20) for key in keys.new_signing_keys()["keys"]]
    assert len({key["kid"] for key in made}) == len({key["d"] for key in made}) == 40


def test_coordinates_are_32_bytes_whatever_their_value() -> None:
    """Leading zeroes are kept, as RFC 7518, section 6.2.1.2, requires: 43 characters each."""
    made = [key for _ in range(300) for key in keys.new_signing_keys()["keys"]]
    assert {len(key[name]) for key in made for name in ("x", "y", "d")} == {43}


def test_a_rotation_moves_the_next_key_forward() -> None:
    """The second becomes the first, and the one behind it is new."""
    before = keys.new_signing_keys()
    after = keys.rotated(before)
    assert after["keys"][0] == before["keys"][1]
    assert after["keys"][1] not in before["keys"]


def test_the_public_set_has_each_key_once_and_no_private_part() -> None:
    """After a rotation: the two of the new set, then the one that has ceased to sign."""
    before = keys.new_signing_keys()
    after = keys.rotated(before)
    public = keys.public(after, before)["keys"]
    assert [key["kid"] for key in public] == [
        after["keys"][0]["kid"],
        after["keys"][1]["kid"],
        before["keys"][0]["kid"],
    ]
    assert not any("d" in key for key in public)
