"""Puts an object of ours in the place of a built-in module."""

import sys


class Shim:
    """Looks like a module: the built-in's names, some of them replaced."""


def replace(module, hide=(), **names):
    """Make `import module` give a copy of the built-in without hide and with names.

    The built-in itself cannot be changed, and the files of sys.path cannot stand in for every
    one of them; sys.modules comes before both. The old name with a "u" is the same module.
    """
    shim = Shim()
    for name in dir(module):
        if not name.startswith("__") and name not in hide:
            setattr(shim, name, getattr(module, name))
    for name, value in names.items():
        setattr(shim, name, value)
    shim.__name__ = module.__name__
    sys.modules[module.__name__] = sys.modules["u" + module.__name__] = shim
    return shim
