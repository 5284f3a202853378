"""The C library of this process."""

import ffi

_library = ffi.open(None)


def function(result, name, arguments):
    """Return a C function; types as in the documentation of the unix port's ffi."""
    return _library.func(result, name, arguments)
