from firmware.window import Window


class Owner:
    def __init__(self):
        self.got = []
        self.rewinds = 0

    def acked(self, ref):
        self.got.append(ref)

    def rewind(self):
        self.rewinds += 1


def test_ids_run_from_1_to_65535_and_never_meet_an_open_one():
    window, owner = Window(16), Owner()
    seen_last = False
    held = window.next_id()
    assert held == 1
    window.add(held, owner, "held")
    window.reserved[2] = None
    for _ in range(70_000):
        packet_id = window.next_id()
        assert 3 <= packet_id <= 65535
        seen_last = seen_last or packet_id == 65535
    assert seen_last


def test_an_acknowledgement_finds_its_owner_once_in_any_order():
    window, owner = Window(3), Owner()
    for packet_id in (5, 6, 7):
        window.add(packet_id, owner, packet_id * 10)
    assert window.is_full
    assert window.acked(6) and window.acked(5)
    assert not window.acked(6) and not window.acked(99)
    assert owner.got == [60, 50] and len(window) == 1 and not window.is_full


def test_a_forgotten_session_is_told_to_each_owner_once():
    window, one, two = Window(9), Owner(), Owner()
    for packet_id, owner in ((1, one), (2, two), (3, one)):
        window.add(packet_id, owner, None)
    window.rewind()
    assert (one.rewinds, two.rewinds, len(window)) == (1, 1, 0)
