#!/usr/bin/python3
"""picture.py COLUMNS ROWS FILE.png: draws what `tmux capture-pane -ep` prints, as a terminal shows it."""

import re
import sys
import unicodedata

from PIL import Image, ImageDraw, ImageFont

SIZE = 16
FONTS = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono{}.ttf"
TEXT, BACK = (212, 212, 212), (24, 24, 27)
# xterm's first sixteen.
BASE = [
    (0, 0, 0), (205, 49, 49), (13, 188, 121), (229, 229, 16), (36, 114, 200), (188, 63, 188),
    (17, 168, 205), (204, 204, 204), (102, 102, 102), (241, 76, 76), (35, 209, 139), (245, 245, 67),
    (59, 142, 234), (214, 112, 214), (41, 184, 219), (255, 255, 255),
]


def indexed(number):
    """One of the 256 colors."""
    if number < 16:
        return BASE[number]
    if number >= 232:
        return (8 + 10 * (number - 232),) * 3
    steps = [0, 95, 135, 175, 215, 255]
    number -= 16
    return steps[number // 36], steps[number // 6 % 6], steps[number % 6]


class Style:
    def __init__(self):
        self.text, self.back = TEXT, BACK
        self.bold = self.faint = self.reverse = False

    def apply(self, codes):
        codes = [int(code or 0) for code in codes.split(";")]
        while codes:
            code = codes.pop(0)
            if code == 0:
                self.__init__()
            elif code == 1:
                self.bold = True
            elif code == 2:
                self.faint = True
            elif code == 7:
                self.reverse = True
            elif code == 22:
                self.bold = self.faint = False
            elif code == 27:
                self.reverse = False
            elif code in (38, 48):
                if codes.pop(0) == 5:
                    color = indexed(codes.pop(0))
                else:
                    color = tuple(codes[:3])
                    del codes[:3]
                if code == 38:
                    self.text = color
                else:
                    self.back = color
            elif code == 39:
                self.text = TEXT
            elif code == 49:
                self.back = BACK
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self.text = BASE[code - 30 if code < 90 else code - 82]
            elif 40 <= code <= 47 or 100 <= code <= 107:
                self.back = BASE[code - 40 if code < 100 else code - 92]

    def colors(self):
        text, back = (self.back, self.text) if self.reverse else (self.text, self.back)
        if self.faint:
            text = tuple((2 * a + b) // 3 for a, b in zip(text, back))
        return text, back


def main():
    columns, rows, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    fonts = {bold: ImageFont.truetype(FONTS.format("-Bold" if bold else ""), SIZE) for bold in (0, 1)}
    width = round(fonts[0].getlength("M"))
    height = sum(fonts[0].getmetrics()) + 1
    margin = SIZE
    image = Image.new("RGB", (columns * width + 2 * margin, rows * height + 2 * margin), BACK)
    draw = ImageDraw.Draw(image)
    style = Style()
    for row, line in enumerate(sys.stdin.read().split("\n")[:rows]):
        column = 0
        for codes, char in re.findall("\x1b\\[([0-9;]*)m|([^\x1b])", line):
            if not char:
                style.apply(codes)
                continue
            if unicodedata.combining(char):
                continue
            cells = 2 if unicodedata.east_asian_width(char) in "WF" else 1
            x, y = margin + column * width, margin + row * height
            text, back = style.colors()
            draw.rectangle((x, y, x + cells * width - 1, y + height - 1), fill=back)
            if "▁" <= char <= "█":
                # Drawn, to fill their cells in any font.
                full = (ord(char) - 0x2580) * height // 8
                draw.rectangle((x, y + height - full, x + width - 1, y + height - 1), fill=text)
            else:
                draw.text((x, y), char, font=fonts[style.bold], fill=text)
            column += cells
    image.save(path, optimize=True)


main()
