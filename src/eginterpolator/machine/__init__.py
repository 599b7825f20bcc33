"""The machine: cores, the cache of compiled code, provenance."""
