"""Five molecules, from command to picture: the images of docs/gallery.md.

python examples/gallery.py [NAME ...]

Runs the command of each molecule into `gallery/NAME`, opens its page in a headless Chromium and photographs it into
`docs/images/gallery_NAME.png`. Needs the extras `[md]` and `[picture]`, selenium, and Chromium with its driver. What is
finished already is not run again.
"""

from __future__ import annotations

import io
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import PIL.Image
from selenium import webdriver

ROOT = Path(__file__).parents[1]
OUT = Path("gallery")
COMMANDS = {
    "drug": "egi generate 'CC(C)Cc1ccc(cc1)[C@H](C)C(=O)O' --frames 250 --samples 2 --seed 1 --name ibuprofen",
    "ion": "egi simulate 'CC(=O)OCC[N+](C)(C)C' --replicas 8 --ns 0.5 --save-ps 1 --name acetylcholine",
    "macrocycle": "egi simulate 'C[C@@H]1CCCCCCCCCCCCC(=O)C1' --exchange 300:600 --ns 1 --save-ps 1 --name muscone",
    "peptide": "egi conformers 'CC(=O)N[C@@H](C)C(=O)N[C@@H](C)C(=O)NC' --model etkdg --num 50 --name dialanine",
    "chiral": "egi generate 'CC[C@H](O)C#CCOC' --frames 500 --samples 4 --seed 1 --name chiral",
}
"""Of each picture the command of docs/gallery.md, which a test holds equal."""
FRAME = 60
WIDTH, HEIGHT, COLOURS = 1100, 900, 256


def run(name: str) -> Path:
    """Run the molecule's command and write its page; returns the page."""
    folder = OUT / name
    subprocess.run([*shlex.split(COMMANDS[name]), "--out", str(folder)], check=True)
    subprocess.run(["egi", "view", str(folder), "--no-browser"], check=True)
    return folder / "report.html"


def photograph(page: Path, molecule: str, picture: Path) -> None:
    """Open the page at a frame, wait for its viewer, and keep a picture of few colours."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", f"--window-size={WIDTH},{HEIGHT}",
        "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--hide-scrollbars",
    ):  # fmt: skip
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(shutil.which("chromedriver"))))
    try:
        driver.get(f"{page.resolve().as_uri()}#molecule={molecule}&sample=1&frame={FRAME}")
        time.sleep(25)  # a viewer without a graphics card
        image = PIL.Image.open(io.BytesIO(driver.get_screenshot_as_png())).convert("RGB")
    finally:
        driver.quit()
    few = image.quantize(COLOURS, method=PIL.Image.Quantize.MAXCOVERAGE, dither=PIL.Image.Dither.NONE)
    few.save(picture, optimize=True)


def main(names: list[str]) -> None:
    """Make the pictures of the names, or of all five."""
    for name in names or COMMANDS:
        page = run(name)
        molecule = shlex.split(COMMANDS[name])[-1]
        picture = ROOT / "docs" / "images" / f"gallery_{name}.png"
        photograph(page, molecule, picture)
        print(f"{picture}: {picture.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
