"""Recognises files with faster-whisper: a JSON line {"file": ...} in, a JSON line {"text": ..., "ms": ...} out."""

import json
import sys
import time

from faster_whisper import WhisperModel

model = WhisperModel(sys.argv[1], device="cpu", compute_type="int8", cpu_threads=int(sys.argv[2]))
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    started = time.perf_counter()
    segments, _ = model.transcribe(json.loads(line)["file"], language="en", beam_size=1)
    text = "".join(segment.text for segment in segments).strip()
    print(json.dumps({"text": text, "ms": (time.perf_counter() - started) * 1000}), flush=True)
