"""A pty that unmodified mpremote takes for an ESP32.

board.py owns the power switch and everything outside the chip; the chip itself is a unix
MicroPython that runs chip/run.py, a fresh one after each reset.
"""
