"""Readers of other formats, one file each: a new one defines a `Format` and stands in `recognise.FORMATS`."""
