"""Host side of ways-device: provision boards, run the sandbox and the virtual board."""

__version__ = "0.1.0"
