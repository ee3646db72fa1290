"""The whole job on a slice: twice, in any batch size and in any order of independent events, the same to the cent."""

from collections.abc import Callable

from flask import Flask

from demo.accounts import Access
from demo.progress import Show
from demo.retail import RetailFolder
from demo.run import Options, run

Working = Callable[..., Options]


def test_first(app: Flask, access: Access, retail_slice: RetailFolder, show: Show, working: Working) -> None:
    passed = run(app, access, retail_slice, show, working(access))
    print(show.console.file.getvalue())
    print(passed.outcome)
