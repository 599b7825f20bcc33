"""Things that are found by name: the package's own, and those that other packages add by an entry point."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from eginterpolator.errors import InputError

log = logging.getLogger(__name__)

T = TypeVar("T")


class Registry(Mapping[str, T]):
    """A mapping from names to things of one kind, each imported when it is first asked for.

    Parameters
    ----------
    group : str
        Entry-point group in which installed packages add their own (`[project.entry-points."<group>"]`).
    kind : str
        What is registered, in words, for messages.
    own : mapping of str to str
        The package's own: name -> `module:attribute`. They come first, and no other package can take their names.
    """

    def __init__(self, group: str, kind: str, own: Mapping[str, str]) -> None:
        self.group, self.kind = group, kind
        self._own = dict(own)
        self._others: dict[str, EntryPoint] | None = None
        self._loaded: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        """The thing of that name.

        Raises
        ------
        KeyError
            When there is none; `find` says it in a sentence.
        InputError
            When another package's cannot be imported.
        """
        if name not in self._loaded:
            if name in self._own:
                module, _, attribute = self._own[name].partition(":")
                self._loaded[name] = getattr(import_module(module), attribute)
            else:
                self._loaded[name] = self._of_others(self._found()[name])
        return self._loaded[name]

    def find(self, name: Any) -> T:
        """The thing of that name.

        Raises
        ------
        InputError
            When there is none, or it cannot be imported.
        """
        if name not in self:
            raise InputError(f"'{name}' is not a {self.kind}; use one of {', '.join(self)}.")
        return self[name]

    def is_own(self, name: str) -> bool:
        """Whether the thing of that name is the package's own."""
        return name in self._own

    def __contains__(self, name: object) -> bool:
        return name in self._own or name in self._found()

    def __iter__(self) -> Iterator[str]:
        return iter([*self._own, *self._found()])

    def __len__(self) -> int:
        return len(self._own) + len(self._found())

    def _found(self) -> dict[str, EntryPoint]:
        if self._others is None:
            self._others = {}
            for point in sorted(entry_points(group=self.group), key=lambda each: (each.name, each.value)):
                if point.name in self._own or point.name in self._others:
                    log.warning("'%s' is left out: there is a %s '%s' already.", point.value, self.kind, point.name)
                else:
                    self._others[point.name] = point
        return self._others

    def _of_others(self, point: EntryPoint) -> Any:
        try:
            return point.load()
        except Exception as error:  # whatever importing somebody else's module raises
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(
                f"The {self.kind} '{point.name}' of the package '{point.dist.name if point.dist else point.value}' "
                f"cannot be imported ({reason}); mend or remove that package."
            ) from error
