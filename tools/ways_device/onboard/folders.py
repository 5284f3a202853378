# type: ignore
# ruff: noqa: F821 (common.py goes before it)
"""Make the folders that new files go into, and drop what an earlier try left there."""


def main(args):
    """args: folders, outermost first; leftovers, paths to remove"""
    for path in args["folders"]:
        if not exists(path):
            os.mkdir(path)
    for path in args["leftovers"]:
        remove(path)
    answer({})
