from firmware.power import Battery, percent


def test_the_ends_and_the_middle_of_each_curve():
    assert [percent(mv, "li-ion") for mv in (4300, 4200, 3850, 3200, 100)] == [100, 100, 55, 0, 0]
    assert [percent(mv, "lifepo4") for mv in (3400, 3280, 2400)] == [100, 50, 0]
    assert [percent(mv, "2xaa") for mv in (3000, 2500, 1800)] == [100, 50, 0]
    assert [percent(mv, "3xaa") for mv in (4500, 3750, 2700)] == [100, 50, 0]


def test_a_falling_voltage_never_raises_the_percentage():
    for chemistry in ("li-ion", "lifepo4", "2xaa", "3xaa"):
        levels = [percent(mv, chemistry) for mv in range(4600, 0, -7)]
        assert levels == sorted(levels, reverse=True)


def test_the_divider_is_undone():
    assert Battery(lambda pin: 1925, 34, 2000, "li-ion").level_pct() == 55


def test_a_mains_powered_device_tells_no_level():
    assert Battery(None, None, 2000, "li-ion").level_pct() is None


def test_a_pin_that_cannot_be_read_tells_no_level():
    def broken(_pin):
        raise OSError(19)

    assert Battery(broken, 34, 2000, "li-ion").level_pct() is None
