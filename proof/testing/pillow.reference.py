"""Writes pillow.reference.json: what Pillow makes of a picture given by a formula. Run: python pillow.reference.py > pillow.reference.json

Of each case the SHA-256 of the bytes: resized samples, JPEG files as Pillow saves them by default, and the samples decoded from them.
"""
import hashlib, io, json, random
from PIL import Image, __version__, features

def picture(width, height, channels, seed=7):
    r = random.Random(seed)
    return bytes((x * 3 + y * 5 + c * 60 + r.getrandbits(6)) % 256 for y in range(height) for x in range(width) for c in range(channels))

def image(width, height, channels):
    return Image.frombytes("RGB" if channels == 3 else "L", (width, height), picture(width, height, channels))

sha = lambda data: hashlib.sha256(data).hexdigest()[:16]
resize, jpeg = [], []
sizes = [(64, 48, 32, 24), (65, 49, 32, 24), (33, 47, 16, 23), (40, 30, 80, 60), (40, 30, 81, 61), (37, 53, 100, 11), (20, 90, 19, 7),
         (90, 20, 7, 19), (31, 17, 31, 40), (31, 17, 50, 17), (3, 2, 17, 9), (17, 9, 3, 2), (1, 8, 5, 3), (8, 1, 3, 5), (2, 2, 1, 1),
         (101, 76, 100, 75), (100, 75, 64, 64), (16, 200, 15, 30)]
for w, h, tw, th in sizes:
    for channels in (3, 1):
        for name in ("NEAREST", "BILINEAR", "BICUBIC"):
            out = image(w, h, channels).resize((tw, th), getattr(Image, name))
            resize.append({"from": [w, h], "to": [tw, th], "channels": channels, "filter": name.lower(), "sha": sha(out.tobytes())})
for w, h, quality in ((64, 48, 75), (33, 47, 75), (1, 1, 75), (17, 8, 75), (100, 75, 75), (40, 30, 95), (40, 30, 20)):
    file = io.BytesIO()
    image(w, h, 3).save(file, "JPEG", **({} if quality == 75 else {"quality": quality}))
    jpeg.append({"size": [w, h], "quality": quality, "bytes": len(file.getvalue()), "sha": sha(file.getvalue()), "decoded": sha(Image.open(file).tobytes())})
print(json.dumps({"pillow": __version__, "libjpeg_turbo": features.version("libjpeg_turbo"), "resize": resize, "jpeg": jpeg}, separators=(",", ":"))
      .replace('{"from"', '\n{"from"').replace('{"size"', '\n{"size"'))
