"""devices.csv: what is tolerated, and every cell that is wrong named by its line and column."""

import json

import pytest

from ways_device.errors import UsageError
from ways_device.fleet import sheet, wifisets
from ways_device.provision.request import Request
from ways_device.wifi import Network

NETS = [Network("lab", "password", 1)]
SETS = {"": NETS}
TWO = {"hall": NETS, "yard": [Network("yard", "password", 2)]}


@pytest.fixture
def read(tmp_path):
    def reading(text, sets=SETS, **defaults):
        path = tmp_path / "devices.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        told = []
        try:
            return sheet.load(path, Request("fleet", **defaults), sets, told.append)
        except UsageError as exc:
            exc.told = told or [str(exc)]
            raise

    return reading


def told(read, text, **options):
    with pytest.raises(UsageError) as caught:
        read(text, **options)
    return caught.value.told


WHOLE = """\
name,device_id,chip_id,profile,interval_s,group,tags,sensors,wifi,set.window,set.note
"Hall, north",hall-1,24:0A:C4:00:00:01,,30,Hall 1,a; b ;a,"dht22:pin=4,humidity=h;simulated",,8,x

Yard,,240ac4000002,Outdoor,,,,,,,
"""


def test_row_has_all_that_its_cells_say(read):
    first, second = read(WHOLE, log_level="D")
    assert (first.line, first.name, first.device_id) == (2, "Hall, north", "hall-1")
    assert first.chip_id == "240ac4000001"
    request = first.request
    assert (request.name, request.device_id) == ("Hall, north", "hall-1")
    assert (request.profile, request.interval_s, request.log_level) == (None, 30, "D")
    assert (request.group, request.tags) == ("Hall 1", ("a", "b"))
    assert list(request.sensors) == [
        {"kind": "dht22", "pin": 4, "humidity": "h"},
        {"kind": "simulated"},
    ]
    assert request.settings == {"window": 8, "note": "x"}
    assert first.wifi == NETS
    assert (second.line, second.device_id) == (4, "esp32-240ac4000002")
    assert second.request.profile == "Outdoor"
    assert list(second.request.sensors) == [{"kind": "internal_temperature"}]
    assert second.request.settings == {}


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfname,device_id\r\nOne two,d-1\r\n\r\n , \r\nThree,d-2\r\n",
        b"name;device_id\nOne two;d-1\nThree;d-2",
        b'"name","device_id"\n"One two","d-1",\n"Three","d-2"\n'.replace(b'",\n', b'"\n'),
        b"\n\nname,device_id,group\nOne two,d-1\nThree,d-2,\n",
    ],
)
def test_spreadsheets_of_all_kinds_are_read(read, text):
    assert [(row.name, row.device_id) for row in read(text)] == [
        ("One two", "d-1"),
        ("Three", "d-2"),
    ]


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("name", "ab", "3 to 100 printable"),
        ("name", "x" * 101, "3 to 100 printable"),
        ("name", "a\x1b[31mbc", "3 to 100 printable"),
        ("device_id", "a/b", "1 to 64 letters"),
        ("device_id", "x" * 65, "1 to 64 letters"),
        ("chip_id", "2.4E+11", "no chip id: hexadecimal digits"),
        ("chip_id", "24:0a:c4", "no chip id"),
        ("chip_id", "240ac400000", "no chip id"),
        ("interval_s", "0", "1 to 86400 seconds"),
        ("interval_s", "1.5", "a whole number of seconds"),
        ("interval_s", "86401", "1 to 86400 seconds"),
        ("group", "x" * 101, "at most 100"),
        ("tags", "a/b", "a tag has at most 64"),
        ("tags", ";".join(str(n) for n in range(21)), "21 tags"),
        ("sensors", '"dht22:pin"', "'pin' is not key=value"),
        ("sensors", ":x=1", "KIND:key=value"),
        ("set.interval_s", "5", "use --interval"),
        ("wifi", "attic", "a set of the Wi-Fi file is expected; there are: none"),
    ],
)
def test_cell_that_is_wrong_is_named_by_line_and_column(read, column, cell, said):
    cells = {"name": "Good name", "device_id": "good-1", column: cell}
    text = f"{','.join(cells)}\n" + f"{','.join(cells.values())}\n"
    (line,) = told(read, text)
    assert f"line 2, {column}: " in line
    assert said in line
    assert "\x1b" not in line


def test_all_wrong_cells_are_told_at_once(read):
    lines = told(read, "name,device_id,interval_s\nab,d/1,x\nGood,d-1,5\nBad,d-2,0\n")
    assert [line.split(": ")[1] for line in lines] == [
        "line 2, name",
        "line 2, device_id",
        "line 2, interval_s",
        "line 4, interval_s",
    ]


def test_line_is_where_the_record_begins(read):
    (line,) = told(read, 'name,device_id,set.note\nGood,d-1,"two\nlines"\nab,d-2,\n')
    assert "line 4, name" in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,device_id\nOne,d-1\nTwo,d-1\n", "line 3, device_id: the same as on line 2"),
        ("name,device_id\nOne,d-1\nOne,d-2\n", "line 3, name: the same as on line 2"),
        ("name,chip_id\nOne,0a0b0c0d\nTwo,0A:0b:0c:0d\n", "line 3, chip_id: the same as"),
        (
            "name,device_id,chip_id\nOne,esp32-0a0b0c0d,\nTwo,,0a0b0c0d\n",
            "line 3, device_id: the same as on line 2",
        ),
        ("name,device_id,chip_id\nOne,,\n", "line 2, device_id: this or chip_id is needed"),
        ("name,device_id\n,d-1\n", "line 2, name: it is empty"),
        ("name,device_id,profile,interval_s\nOne,d-1,p,5\n", "line 2, interval_s: a profile has"),
        ("name,device_id\nOne,d-1,more\n", "line 2: 3 cells, the header has 2"),
        ("name,device_id,colour\nOne,d-1,red\n", "line 1, colour: there is no such column"),
        ("name,device_id,set.a b\nOne,d-1,red\n", "line 1, set.a b: there is no such column"),
        ("name,device_id,name\nOne,d-1,Two\n", "line 1, name: this column is there more"),
        ("name,group\nOne,g\n", "line 1, device_id: this column or chip_id is missing"),
        ("device_id\nd-1\n", "line 1, name: this column is missing"),
        ("name,device_id\n", "no row below the header"),
        ('name,device_id\n"One,d-1\n', "not CSV"),
        ("name,device_id\nO\x00ne,d-1\n", "line 2"),
        (b"name,device_id\n\xff\xfe,d-1\n", "not text in UTF-8"),
        (b"x" * 5_000_001, "over 5 MB"),
    ],
)
def test_sheet_that_cannot_be_is_refused_with_the_place(read, text, said):
    assert any(said in line for line in told(read, text)), told(read, text)


def test_empty_file_is_refused(read):
    assert any("name: this column is missing" in line for line in told(read, ""))


def test_too_many_rows_are_refused(read, monkeypatch):
    monkeypatch.setattr(sheet, "ROWS_MAX", 3)
    (line,) = told(read, "name,device_id\n" + "".join(f"Row {n},d-{n}\n" for n in range(5)))
    assert "over 3 rows" in line


def test_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UsageError, match="cannot read"):
        sheet.load(tmp_path / "none.csv", Request("fleet"), SETS, print)


def test_only_wifi_set_needs_no_name_and_of_several_one_is_asked_for(read):
    text = "name,device_id,wifi\nOne,d-1,{}\n"
    assert read(text.format(""), sets={"hall": NETS})[0].wifi == NETS
    assert read(text.format("yard"), sets=TWO)[0].wifi == TWO["yard"]
    for cell in ("", "attic"):
        (line,) = told(read, text.format(cell), sets=TWO)
        assert "line 2, wifi: a set of the Wi-Fi file is expected; there are: hall, yard" in line
    assert read(text.format("any"), sets=None)[0].wifi == ()


def test_wifi_file_is_a_list_or_sets(tmp_path):
    path = tmp_path / "wifi.json"
    networks = [{"ssid": "lab", "password": "password", "priority": 1}]

    def load(content):
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        path.chmod(0o600)
        return wifisets.load(path, lambda text: None)

    assert load(networks) == SETS
    assert load({"sets": {"hall": networks, " yard ": networks}}) == {"hall": NETS, "yard": NETS}
    for wrong in ({}, {"sets": {}}, {"sets": networks}, {"sets": {"a": networks}, "more": 1}):
        with pytest.raises(UsageError, match="list of networks, or"):
            load(wrong)
    with pytest.raises(UsageError, match="set hall: network 1: password") as caught:
        load({"sets": {"hall": [{"ssid": "lab", "password": "secret"}]}})
    assert "secret" not in str(caught.value)
    with pytest.raises(UsageError, match="not JSON") as caught:
        load('{"sets": {"hall": "secret')
    assert "secret" not in str(caught.value)
