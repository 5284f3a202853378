"""What can go wrong on the host, named by what the user can do about it.

ToolError           exit 1  the message says what happened and what to do next
    UsageError      exit 2  the command was called wrongly; nothing was done
    BoardError      exit 3  the board or its port
        FlashFullError      the board's file system has no room
    ApiError        exit 4  the platform's REST API
        AuthError           the key is missing, wrong or lacks permission
        NotFoundError       there is no such thing
        ConflictError       it exists already, or is in the wrong state
        AmbiguousError      no clear answer: it may or may not have been done
"""


class ToolError(Exception):
    """A failure that a user can act on. str() is one line: fact, then remedy."""

    exit_code = 1

    # Which step of a command it stopped; set by the step, printed before the message.
    step = ""


class UsageError(ToolError):
    exit_code = 2


class BoardError(ToolError):
    exit_code = 3


class FlashFullError(BoardError):
    pass


class ApiError(ToolError):
    """An answer of the API, or none. status is 0 where there was no answer."""

    exit_code = 4

    def __init__(self, message: str, status: int = 0, body: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.body = body


class AuthError(ApiError):
    pass


class NotFoundError(ApiError):
    pass


class ConflictError(ApiError):
    pass


class AmbiguousError(ApiError):
    pass
