"""What makes a unix MicroPython look like an ESP32 from inside. Run by run.py."""
