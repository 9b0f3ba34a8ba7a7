from libs.service.terminal import table


def test_columns_are_aligned_and_an_empty_cell_is_a_dash() -> None:
    assert table([("TYPE", "ZONE", "N"), ("a", "", "1"), ("registry", "north", "")]) == (
        "TYPE      ZONE   N\na         -      1\nregistry  north  -"
    )
