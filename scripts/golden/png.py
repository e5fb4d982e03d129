"""PNG files of every colour type, depth and interlacing, and their pixels, from the samples that the files are made of
(and compared with Pillow where that has 8 bits: pip install pillow). For each case: <case>/file, its bytes, and
<case>/channels0 ... 4, what loading with that option gives."""

import io
import struct
import zlib

import numpy
import torch
from PIL import Image

GRAY, RGB, PALETTE, GRAY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
SAMPLES = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGB_ALPHA: 4}
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def cases(file):
    random = numpy.random.default_rng(20261123)
    for kind, depths in (GRAY, (1, 2, 4, 8, 16)), (RGB, (8, 16)), (PALETTE, (1, 2, 4, 8)), (GRAY_ALPHA, (8, 16)), (RGB_ALPHA, (8, 16)):
        for depth in depths:
            for interlaced in False, True:
                for transparent in (False, True) if kind in (GRAY, RGB, PALETTE) else (False,):
                    height, width = (5, 7) if not interlaced else (9, 11)
                    samples = random.integers(0, 2 ** depth, (height, width, SAMPLES[kind]))
                    add(file, random, kind, depth, samples, interlaced, transparent)
    add(file, random, RGB, 8, random.integers(0, 256, (1, 1, 3)), True, False)


def add(file, random, kind, depth, samples, interlaced, transparent):
    height, width, _ = samples.shape
    what = {GRAY: "gray", RGB: "rgb", PALETTE: "palette", GRAY_ALPHA: "gray and alpha", RGB_ALPHA: "rgb and alpha"}[kind]
    name = f"{what} {depth} bits {height}x{width}{' interlaced' * interlaced}{' transparent' * transparent}"
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, int(interlaced))),
              (b"gAMA", struct.pack(">I", 100000)), (b"tEXt", b"Comment\0of no account")]
    eight = to_eight(samples, depth)
    if kind == PALETTE:
        palette = random.integers(0, 256, (2 ** depth, 4)).astype(numpy.uint8)
        chunks.append((b"PLTE", palette[:, :3].tobytes()))
        entries = (len(palette) + 1) // 2 if transparent else 0
        palette[entries:, 3] = 255
        if transparent:
            chunks.append((b"tRNS", palette[:entries, 3].tobytes()))
        rgba = palette[samples[:, :, 0]]
        colour, alpha = rgba[:, :, :3], rgba[:, :, 3]
    else:
        colours = 3 if kind in (RGB, RGB_ALPHA) else 1
        colour = eight[:, :, :colours]
        alpha = eight[:, :, colours] if kind in (GRAY_ALPHA, RGB_ALPHA) else numpy.full((height, width), 255)
        if transparent:
            key = samples[height // 2, width // 2]
            chunks.append((b"tRNS", b"".join(struct.pack(">H", v) for v in key)))
            alpha = numpy.where((samples == key).all(axis=2), 0, 255)
    chunks += [(b"IDAT", part) for part in split(zlib.compress(scan(samples, depth, interlaced)))] + [(b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d))
                                           for t, d in chunks)
    store(file, name, data, numpy.asarray(colour, numpy.int64), numpy.asarray(alpha, numpy.int64), depth)


def to_eight(samples, depth):
    if depth == 16:
        return (samples * 255 + 32767) // 65535
    return samples * 255 // (2 ** depth - 1)


def split(data):
    """In two IDAT chunks."""
    return data[:len(data) // 3], data[len(data) // 3:]


def scan(samples, depth, interlaced):
    passes = [samples[y::h, x::w] for x, y, w, h in ADAM7] if interlaced else [samples]
    lines = b""
    for part in passes:
        for row in part if part.size else []:
            values = row.reshape(-1)
            if depth == 16:
                packed = b"".join(struct.pack(">H", v) for v in values)
            elif depth == 8:
                packed = bytes(values.tolist())
            else:
                bits = "".join(f"{v:0{depth}b}" for v in values)
                bits += "0" * (-len(bits) % 8)
                packed = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))
            lines += b"\0" + packed
    return lines


def store(file, name, data, colour, alpha, depth):
    gray = colour[:, :, 0] if colour.shape[2] == 1 else (colour @ [19595, 38470, 7471] + 32768) >> 16
    rgb = colour if colour.shape[2] == 3 else colour.repeat(3, axis=2)
    if depth <= 8:
        image = Image.open(io.BytesIO(data))
        assert (numpy.asarray(image.convert("RGBA"))[:, :, :3] == rgb).all(), name
        if depth == 8:  # Pillow takes the transparent gray of fewer bits for one of 8
            assert (numpy.asarray(image.convert("RGBA"))[:, :, 3] == alpha).all(), name
        assert (numpy.asarray(image.convert("RGB").convert("L")) == gray).all(), name
    file.metadata[name] = ""
    file.tensors[f"{name}/file"] = torch.tensor(list(data), dtype=torch.uint8)
    planes = {0: colour.transpose(2, 0, 1), 1: gray[None], 2: numpy.stack([gray, alpha]), 3: rgb.transpose(2, 0, 1),
              4: numpy.concatenate([rgb.transpose(2, 0, 1), alpha[None]])}
    for channels, pixels in planes.items():
        file.tensors[f"{name}/channels{channels}"] = torch.tensor(pixels.tolist(), dtype=torch.uint8)
