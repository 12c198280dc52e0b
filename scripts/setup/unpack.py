"""Unpacks parts of a wheel: `unpack.py WHEEL FOLDER PATTERN...`; the zip's checksums are verified on the way.
`unpack.py --requires EXTRA WHEEL` prints what the wheel requires for an extra, one requirement a line."""
import fnmatch
import os
import shutil
import sys
import zipfile
import zlib


def requires(extra, wheel):
    with zipfile.ZipFile(wheel) as archive:
        metadata = next(name for name in archive.namelist() if name.endswith('.dist-info/METADATA'))
        lines = archive.read(metadata).decode().splitlines()
    for line in lines:
        if line.startswith('Requires-Dist:') and f'extra == "{extra}"' in line:
            print(line.split(':', 1)[1].split(';')[0].strip())


def unpack(wheel, folder, *patterns):
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            if entry.is_dir() or not any(fnmatch.fnmatchcase(entry.filename, pattern) for pattern in patterns):
                continue
            target = os.path.join(folder, entry.filename)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with archive.open(entry) as source, open(target, 'wb') as out:
                shutil.copyfileobj(source, out, 1 << 22)
            if entry.external_attr >> 16 & 0o100:
                os.chmod(target, 0o755)


if __name__ == '__main__':
    try:
        requires(*sys.argv[2:]) if sys.argv[1] == '--requires' else unpack(*sys.argv[1:])
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        sys.exit(f'the wheel {os.path.basename(sys.argv[-1] if sys.argv[1] == "--requires" else sys.argv[1])} is damaged ({error})')
