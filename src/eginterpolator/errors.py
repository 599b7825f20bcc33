"""Errors whose message is one sentence for the user: what is wrong and what to do about it."""


class EGIError(Exception):
    """Base of every error this package raises on purpose."""


class InputError(EGIError):
    """The input cannot be used as it is; the message says why and what would work."""


class GenerationError(EGIError):
    """A sample could not be generated, after every retry."""


def shortened(text: str, limit: int = 60) -> str:
    """A SMILES as it fits into a sentence."""
    return text if len(text) <= limit else text[: limit - 3] + "..."
