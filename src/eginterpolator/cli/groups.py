"""Options that several commands share: a command asks for a dataclass, the command line shows its fields."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_type_hints


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """A command for typer in which every parameter that is a dataclass stands as the options of its fields.

    Parameters
    ----------
    command : callable
        Its parameters are annotated as typer wants them, or with a dataclass whose fields are. What follows a `*` may
        stand in any order, with or without a default.

    Returns
    -------
    callable
        Takes the options by name, puts those of a dataclass together, and calls `command`.

    Raises
    ------
    ValueError
        When two options have one name.
    """
    groups: dict[str, type] = {}
    parameters: list[inspect.Parameter] = []
    annotations = get_type_hints(command, include_extras=True)
    for parameter in inspect.signature(command).parameters.values():
        annotation = annotations[parameter.name]
        if isinstance(annotation, type) and is_dataclass(annotation):
            groups[parameter.name] = annotation
            parameters += _options(annotation)
        else:
            parameters.append(parameter.replace(annotation=annotation))

    @functools.wraps(command)
    def run(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{each.name: values.pop(each.name) for each in fields(group)})  # type: ignore[arg-type]
        command(**values)

    run.__signature__ = inspect.Signature(parameters, return_annotation=None)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def _options(group: type) -> list[inspect.Parameter]:
    """A parameter for each field of a dataclass."""
    annotations = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if each.default is MISSING else each.default,
            annotation=annotations[each.name],
        )
        for each in fields(group)  # type: ignore[arg-type]
    ]
