"""Readers of other formats, one file each: a new format is one more file here and a line in `recognise`."""
