import os

from harness import scratch

from firmware import files, stock


def test_replace_leaves_no_temporary_file_behind():
    path = scratch() + "/x"
    files.replace(path, b"1")
    files.replace(path, b"2")
    assert os.listdir(scratch()) == ["x"]
    with open(path, "rb") as file:
        assert file.read() == b"2"


def test_a_file_that_cannot_be_written_leaves_the_old_one():
    path = scratch() + "/x"
    files.replace(path, b"1")
    os.mkdir(path + ".tmp")
    try:
        files.replace(path, b"2")
    except OSError:
        pass
    else:
        raise AssertionError("written into a folder")
    with open(path, "rb") as file:
        assert file.read() == b"1"


def test_a_folder_is_made_once_and_a_file_in_its_place_is_left_alone():
    path = scratch() + "/data"
    files.make_folder(path)
    files.make_folder(path)
    assert os.listdir(path) == []
    files.replace(path + "/x", b"1")
    files.make_folder(path + "/x")
    assert os.listdir(path) == ["x"]


def test_what_an_interrupted_replace_left_is_removed_and_nothing_else():
    for name in ("a", "a.tmp", "identity.0.tmp", "tmp"):
        with open(scratch() + "/" + name, "wb") as file:
            file.write(b"1")
    stock.tidy(scratch())
    assert sorted(os.listdir(scratch())) == ["a", "tmp"]


def test_a_copy_is_made_once():
    source, target = scratch() + "/a", scratch() + "/b"
    files.replace(source, b"1")
    files.copy(source, target)
    files.copy(source, target)
    files.replace(source, b"2")
    with open(target, "rb") as file:
        assert file.read() == b"1"
    files.copy(source, target)
    with open(target, "rb") as file:
        assert file.read() == b"2"


def test_a_difference_anywhere_is_seen_whatever_the_sizes():
    source, target = scratch() + "/a", scratch() + "/b"
    for size in (0, 1, 63, 64, 65, 128, 200):
        data = bytes(range(size))
        files.replace(source, data)
        for other in (data, data + b"1", data[:-1], data[:-1] + b"z", b"z" + data[1:]):
            with open(target, "wb") as file:
                file.write(other)
            files.copy(source, target)
            with open(target, "rb") as file:
                assert file.read() == data, (size, other)


class Forgetful:
    """Files of a flash that changes the last byte of what it takes, wherever that lies."""

    def __init__(self, real):
        self.real = real

    def __call__(self, path, mode="r"):
        if mode == "wb":
            self.path = path
            return self
        return self.real(path, mode)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def write(self, data):
        with self.real(self.path, "wb") as file:
            file.write(data[:-1] + b"?")

    def flush(self):
        pass


def test_what_does_not_read_back_is_not_put_in_place():
    path = scratch() + "/x"
    for size in (1, 64, 65, 300):
        files.replace(path, bytes(size))
        files.open = Forgetful(open)
        try:
            files.replace(path, bytes(size + 1))
        except OSError as exc:
            assert exc.errno == 5
        else:
            raise AssertionError("taken for written")
        finally:
            del files.open
        with open(path, "rb") as file:
            assert file.read() == bytes(size)
