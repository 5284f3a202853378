"""`doctor`: is all in order, from this computer to the first reading? A line for each check.

finding   one line: what was looked at, how it is, what to do
host      this computer and its way to the API
board     what the board is and holds
network   the board's own way to the broker, tried on the board with its agent stopped
match     the device on the platform, and its profile
command   the sequence
"""
