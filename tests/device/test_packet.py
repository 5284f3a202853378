from firmware import inbound, login, packet
from firmware.errors import LinkError, RejectedError


def written(build, *args, size=300):
    buf = memoryview(bytearray(size))
    return bytes(buf[: build(buf, *args)])


class Client:
    """The fields of umqtt.simple's MQTTClient."""

    client_id, user, pswd, keepalive = b"d1", b"user", b"pass", 10
    lw_topic, lw_msg, lw_qos, lw_retain = None, None, 0, False


def test_connect_is_what_the_standard_shows():
    # MQTT 3.1.1, figure 3.6: name MQTT, level 4, flags, keepalive 10 s.
    client = Client()
    got = written(login.connect_into, client, True)
    assert got == b"\x10\x1a\x00\x04MQTT\x04\xc2\x00\x0a\x00\x02d1\x00\x04user\x00\x04pass"
    client.user, client.keepalive = None, 60
    client.lw_topic, client.lw_msg, client.lw_qos, client.lw_retain = b"t", b"gone", 1, True
    got = written(login.connect_into, client, False)
    assert got == b"\x10\x17\x00\x04MQTT\x04\x2c\x00\x3c\x00\x02d1\x00\x01t\x00\x04gone"


def test_publish_with_and_without_an_id():
    assert written(packet.publish_into, b"a/b", b"hi", False, 0, False) == b"\x30\x07\x00\x03a/bhi"
    got = written(packet.publish_into, b"a/b", b"hi", True, 0x1234, True)
    assert got == b"\x3b\x09\x00\x03a/b\x12\x34hi"


def test_a_long_packet_has_a_long_header():
    got = written(packet.publish_into, b"t", b"x" * 124, False, 0, False)
    assert got[:3] == b"\x30\x7f\x00"
    got = written(packet.publish_into, b"t", b"x" * 125, False, 0, False)
    assert got[:4] == b"\x30\x80\x01\x00" and len(got) == 3 + 128
    assert packet.frame(got, 0, len(got)) == (3, 131)


def test_what_does_not_fit_is_refused_before_anything_is_written():
    buf = memoryview(bytearray(50))
    for size in (47, 48, 200):
        try:
            packet.publish_into(buf, b"t", b"x" * size, False, 1, False)
        except RejectedError:
            assert bytes(buf) == bytes(50)
            continue
        raise AssertionError(size)


def test_subscribe():
    got = written(inbound.subscribe_into, b"a/#", 1, 7)
    assert got == b"\x82\x08\x00\x07\x00\x03a/#\x01"


def test_a_frame_is_known_once_its_header_is_whole():
    buf = b"??\x30\x80\x80\x01"
    assert [packet.frame(buf, 2, have) for have in (3, 4, 5)] == [None, None, None]
    assert packet.frame(buf, 2, 6) == (6, 16390)
    try:
        packet.frame(b"\x30\xff\xff\xff\xff\x01", 0, 6)
    except LinkError:
        return
    raise AssertionError("five length bytes accepted")


def connack(data):
    return login.parse_connack(b"??" + data, 2, 4, 2 + len(data))


def test_connack_codes():
    assert connack(b"\x20\x02\x01\x00") is True
    assert connack(b"\x20\x02\x00\x00") is False
    refusals = [(bytes((0x20, 2, 0, code)), "auth:%d" % code) for code in (1, 2, 3, 4, 5, 255)]
    others = (b"\x21\x02\x00\x00", b"\x20\x03\x00\x00\x00", b"\x20\x02\x02\x00", b"HTTP")
    for bad, said in refusals + [(other, "protocol: CONNACK") for other in others]:
        try:
            connack(bad)
        except LinkError as exc:
            assert str(exc) == said
            continue
        raise AssertionError(bad)


def taken_apart(data, first=0x30, cut=0):
    return inbound.parse_publish(data, first, 0, len(data) - cut, len(data))


def test_an_inbound_publish_is_taken_apart():
    assert taken_apart(b"\x00\x03a/bhi") == (2, 5, 0, 5)
    assert taken_apart(b"\x00\x03a/b\x00\x09hi", 0x32) == (2, 5, 9, 7)


def test_a_malformed_publish_is_a_protocol_error():
    for data, first in (
        (b"\x00\x03a/b\x00\x09hi", 0x36),  # QoS 3
        (b"\x00\x03a/b\x00\x09hi", 0x34),  # QoS 2: never subscribed to
        (b"\x00\x03a/b\x00\x00hi", 0x32),  # packet id 0
        (b"\x00\x09a/b", 0x30),  # topic beyond the end
        (b"\x00\x00hi", 0x30),  # no topic
        (b"\x00\x03a/b\x00", 0x32),  # id beyond the end
        (b"\x00", 0x30),
        (b"", 0x30),
    ):
        try:
            taken_apart(data, first)
        except LinkError:
            continue
        raise AssertionError(data)
