"""A wheel with libraries in it (wheels/prebuild.py) is of a platform, but of no particular Python."""

from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel

PREBUILT = Path(__file__).parent / "src" / "eginterpolator" / "prebuilt"


class Wheel(bdist_wheel):
    """The usual one, whose tag tells whether there are libraries."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.root_is_pure = not any(PREBUILT.glob("*.so"))

    def get_tag(self) -> tuple[str, str, str]:
        python, abi, platform = super().get_tag()
        return (python, abi, platform) if self.root_is_pure else ("py3", "none", platform)


setup(cmdclass={"bdist_wheel": Wheel})
