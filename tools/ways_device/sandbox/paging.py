"""Which part of a list a caller asks for: page and page_size, or limit and offset."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query

from ways_device.sandbox.wire import Json

LIMIT_MAX = 100
# SQLite counts rows in 64 bits: page * page_size and offset stay far below.
_FAR = 1_000_000_000


@dataclass(frozen=True)
class Window:
    limit: int
    offset: int
    # False where the caller speaks of limit and offset.
    is_page: bool = True

    def shown(self) -> Json:
        """Return the window as its answer tells it: as a page, and as asked where differently.

        An offset that is no multiple of limit is shown as the page that it begins in.
        """
        page = {"page": self.offset // self.limit + 1, "page_size": self.limit}
        return page if self.is_page else {**page, "limit": self.limit, "offset": self.offset}


def window(default: int) -> Callable[..., Window]:
    """Return a dependency for routes: the window that a query asks for, else the first default.

    limit and offset go before page and page_size.
    """

    def of_query(
        page: Annotated[int, Query(ge=1, le=_FAR)] = 1,
        page_size: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = default,
        limit: Annotated[int | None, Query(ge=1, le=LIMIT_MAX)] = None,
        offset: Annotated[int | None, Query(ge=0, le=_FAR)] = None,
    ) -> Window:
        if limit is None and offset is None:
            return Window(page_size, (page - 1) * page_size)
        return Window(page_size if limit is None else limit, offset or 0, is_page=False)

    return of_query
