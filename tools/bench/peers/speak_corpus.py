"""Speaks each text of a JSON list on standard input into FOLDER/NUMBER.wav with hibari, always the same way."""

import json
import pathlib
import sys

from hibari import Hibari

folder = pathlib.Path(sys.argv[1])
voice = Hibari()
for number, text in enumerate(json.load(sys.stdin)):
    voice.save(text, str(folder / f"{number}.wav"), seed=0)
