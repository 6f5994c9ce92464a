"""What was found out, by the places on which it rests: a mesh shares it with the next but for what changes."""

from sidestep.semantics.by_place import ByPlace


def test_what_rests_on_a_place_is_forgotten_in_the_next_mesh_alone():
    first = ByPlace()
    first.at("shop")["cart"] = 1
    first.at("shop", "far")["cart"] = 2
    first.at("far")["web"] = 3
    second = first.without(["shop"])
    assert (second.at("shop"), second.at("shop", "far"), second.at("far")) == ({}, {}, {"web": 3})
    second.at("shop")["cart"] = 4
    assert first.at("shop") == {"cart": 1}
    assert second.without(["far"]).at("shop") == {"cart": 4}
