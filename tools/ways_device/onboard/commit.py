# type: ignore
# ruff: noqa: F821 (common.py goes before it)
"""Put copied files in place: all of them if all came over whole, else none."""


def main(args):
    """Rename each path + ".new" to path.

    args: files, {path: sha256 in hex}; hiding, paths to remove because they hide a file
    """
    files = args["files"]
    damaged = [path for path in files if sha256(path + ".new") != files[path]]
    if not damaged:
        for path in files:
            replace(path + ".new", path)
        for path in args["hiding"]:
            remove(path)
    answer({"damaged": damaged, "hashes": {path: sha256(path) for path in files}})


def replace(source, target):
    try:
        os.rename(source, target)
    except OSError:
        # FAT does not rename onto a file.
        os.remove(target)
        os.rename(source, target)
