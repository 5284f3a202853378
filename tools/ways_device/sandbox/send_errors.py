"""Why a message did not go out.

SendError       worth another attempt
    FinalError  another attempt would meet the same
"""


class SendError(Exception):
    """str() is the text for the delivery."""


class FinalError(SendError):
    pass
