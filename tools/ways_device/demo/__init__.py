"""`ways-device demo`: the whole way of a reading, on this computer alone, watched and counted."""
