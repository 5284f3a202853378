from firmware.log import Log, Root


def test_a_line_is_uptime_level_module_event_and_sorted_fields():
    lines = []
    log = Log("wifi", Root(lambda: 1000, "I", lines.append))
    log.info("link_up", rssi_dbm=-61, band=2)
    assert lines == ["1000 I wifi link_up band=2 rssi_dbm=-61"]


def test_lines_above_the_level_are_left_out_in_children_too():
    lines = []
    child = Log("agent", Root(lambda: 5, "W", lines.append)).child("mqtt")
    child.error("a")
    child.warn("b")
    child.info("c")
    child.debug("d")
    assert lines == ["5 E mqtt a", "5 W mqtt b"]


def test_a_value_with_line_breaks_stays_on_one_line():
    lines = []
    Log("m", Root(lambda: 0, "I", lines.append)).info("e", why="one\r\ntwo")
    assert lines == ["0 I m e why=one  two"]
