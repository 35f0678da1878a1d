"""What the package exposes is what it says it exposes."""

import attngru_bt


def test_all_is_sorted_and_every_name_loads():
    assert attngru_bt.__all__ == sorted(attngru_bt.__all__)
    for name in attngru_bt.__all__:
        assert getattr(attngru_bt, name) is not None


def test_dir_shows_the_public_names():
    assert dir(attngru_bt) == attngru_bt.__all__


def test_an_unknown_name_is_an_attribute_error():
    try:
        attngru_bt.AttentionGru  # noqa: B018
    except AttributeError as error:
        assert "AttentionGru" in str(error)
    else:
        raise AssertionError("no error")


def test_public_objects_are_documented():
    for name in attngru_bt.__all__:
        if name != "__version__":
            assert (getattr(attngru_bt, name).__doc__ or "").strip(), f"{name} has no docstring"
