import os

from fakes.board import FakeBoard
from firmware import identity
from firmware.errors import CorruptError

BODY = b'{"device_id":"%s","username":"u","password":"p","client_id":"c","ca":"aGk=","wifi":[]}'


def slot(name, generation):
    return identity.pack(BODY % name.encode(), generation)


def board():
    return FakeBoard(os.getenv("SCRATCH") + "/")


def write_file(on, number, data):
    with open(identity.file_path(on.root, number), "wb") as file:
        file.write(data)


def test_what_was_packed_is_unpacked():
    who = identity.unpack(slot("d1", 7))
    assert (who.device_id, who.generation, who.ca) == ("d1", 7, b"hi")
    assert (who.username, who.password, who.client_id, who.wifi) == ("u", "p", "c", [])


def test_every_damaged_byte_and_every_length_is_noticed():
    data = slot("d1", 1)
    for at in range(len(data)):
        bad = bytearray(data)
        bad[at] ^= 0x10
        for damaged in (bad, data[:at]):
            try:
                identity.unpack(damaged)
            except CorruptError:
                continue
            raise AssertionError(at)


def test_a_whole_slot_that_lacks_a_field_is_refused():
    for body in (b"{}", b"[]", b"nothing", BODY.replace(b'"ca":"aGk="', b'"ca":3') % b"x"):
        try:
            identity.unpack(identity.pack(body, 1))
        except CorruptError as exc:
            assert str(exc) == "identity lacks a field"
            continue
        raise AssertionError(body)


def test_either_copy_will_do():
    on = board()
    on.nvs.set_blob("id0", slot("from-nvs", 1))
    assert identity.load(on).device_id == "from-nvs"
    on.nvs.values.clear()
    write_file(on, 0, slot("from-file", 1))
    assert identity.load(on).device_id == "from-file"


def test_the_highest_generation_of_all_copies_is_in_use():
    on = board()
    on.nvs.set_blob("id0", slot("old", 1))
    write_file(on, 0, slot("newer", 2))
    on.nvs.set_blob("id1", slot("newest", 3))
    write_file(on, 1, slot("newest", 3)[:-1])
    assert identity.load(on).device_id == "newest"


def test_damage_is_told_from_absence():
    on = board()
    try:
        identity.load(on)
    except CorruptError as exc:
        assert str(exc) == "no identity"
    write_file(on, 0, slot("d", 1)[:-2])
    try:
        identity.load(on)
    except CorruptError as exc:
        assert str(exc) == "identity cut short"
    else:
        raise AssertionError("accepted")
