"""Flash memory in RAM below a real littlefs: it counts erases, and can be cut at any operation.

A cut image is made by playing the journal of a whole run again up to one operation, with that
one done in part, so nothing in the file system has to cope with an error it would never see.
"""

import vfs

# What an ESP32 image formats its partition with.
LITTLEFS = {"progsize": 32, "readsize": 32, "lookahead": 32}
_ERASED = b"\xff"


class Flash:
    def __init__(self, blocks=16, image=None, block_size=4096):
        self.block_size = block_size
        self.blocks = blocks
        self.data = bytearray(image) if image else bytearray(_ERASED * (blocks * block_size))
        self.erases = [0] * blocks
        self.programs = self.programmed_bytes = 0
        self.journal = None  # a list takes (address, bytes, mark) of each change
        self.mark = 0  # how far the one who writes has come
        self.fails = None  # OSError of every change, while set

    # The block device protocol.

    def readblocks(self, block, buf, offset=0):
        at = block * self.block_size + offset
        buf[:] = memoryview(self.data)[at : at + len(buf)]

    def writeblocks(self, block, buf, offset=0):
        self.programs += 1
        self.programmed_bytes += len(buf)
        self._change(block * self.block_size + offset, bytes(buf))

    def ioctl(self, operation, argument):
        if operation == 4:
            return self.blocks
        if operation == 5:
            return self.block_size
        if operation == 3 and self.journal is not None:
            self.journal.append((-1, b"", self.mark))  # all before it is in the flash now
        if operation == 6:
            self.erases[argument] += 1
            self._change(argument * self.block_size, _ERASED * self.block_size)
        return 0

    def _change(self, at, data):
        if self.fails:
            raise self.fails
        if self.journal is not None:
            self.journal.append((at, data, self.mark))
        self.data[at : at + len(data)] = data

    # What a test does with it.

    def format(self):
        vfs.VfsLfs2.mkfs(self, **LITTLEFS)
        return self

    def mount(self, path="/flash"):
        """Mount it in place of what is mounted there."""
        try:
            vfs.umount(path)
        except OSError:
            pass
        vfs.mount(vfs.VfsLfs2(self, **LITTLEFS), path)


def cuts(image, journal, tears=(0, 2, 4)):
    """Yield (image, mark, operation, tear) for a power cut in each operation of a journal.

    tear is how many quarters of the operation's bytes made it. The image is one buffer, kept.
    """
    done = bytearray(image)
    for number, (at, data, mark) in enumerate(journal):
        if at < 0:
            continue
        for tear in tears:
            torn = bytearray(done)
            part = len(data) * tear // 4
            torn[at : at + part] = data[:part]
            yield torn, mark, number, tear
        done[at : at + len(data)] = data


def out_of_order(image, journal, rng, count):
    """Yield (image, mark, operation) for power cuts with a cache that writes blocks as it likes.

    Since the last sync before the cut some blocks have got all of their changes, others none.
    """
    for _ in range(count):
        cut = rng.randrange(len(journal))
        since = cut
        while since and journal[since][0] >= 0:
            since -= 1
        torn = bytearray(image)
        kept = {}
        for number in range(cut + 1):
            at, data, _ = journal[number]
            if at < 0:
                continue
            if number > since:
                block = at // 4096
                if block not in kept:
                    kept[block] = rng.getrandbits(1)
                if not kept[block]:
                    continue
            torn[at : at + len(data)] = data
        yield torn, journal[cut][2], cut
