"""Parametrised systems with their settings, for engines that are not run from here."""
