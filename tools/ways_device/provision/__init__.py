"""`provision`: a device registered, a board set up as it, and its first reading seen.

request       what was asked for
settings      the board's settings file
account       profile and datapoints on the platform
registration  the device itself: journalled, never twice
watch         waiting for the first reading, listening for why it does not come
causes        what the board's log lines mean for a person
command       the sequence of steps
"""
