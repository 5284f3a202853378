"""ways-device: the agent that runs on the board."""

VERSION = "0.1.0"
