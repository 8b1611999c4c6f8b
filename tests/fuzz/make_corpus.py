#!/usr/bin/env python3
"""Writes the first inputs of the fuzz targets: tests/fuzz/corpus/TARGET/seed-NAME.

Small well-formed files of every kind that a reader knows. What the fuzzer finds from there, and
inputs that were faults once, lie beside them under other names.
"""

import gzip
import json
import struct
import zlib
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"


def put(target, name, content):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"seed-{name}").write_bytes(content)


# ---- Model files -------------------------------------------------------------
SIZES = {"F64": 8, "I64": 8, "F32": 4, "U32": 4, "F16": 2, "BF16": 2, "U16": 2, "U8": 1}


def numel(shape):
    count = 1
    for size in shape:
        count *= size
    return count


def safetensors(tensors, metadata=None, framed=False):
    """tensors: name -> (type, shape, bytes or None for zeros)."""
    header, data = {}, b""
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, (dtype, shape, content) in tensors.items():
        if content is None:
            content = bytes(numel(shape) * SIZES[dtype])
        header[name] = {"dtype": dtype, "shape": shape,
                        "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header, separators=(",", ":")).encode()
    if framed:  # as tests/fuzz/safetensors_input.h has it
        return text + b"\0" + data
    return struct.pack("<Q", len(text)) + text + data


def layer(kind, config=None, children=None):
    description = {"type": kind}
    if config:
        description["config"] = config
    if children:
        description["children"] = [{"name": name, **child} for name, child in children]
    return description


def conv(inputs, outputs, kernel, padding, bias=True):
    return layer("Conv2d", {"in_channels": inputs, "out_channels": outputs, "kernel": kernel,
                            "stride": 1, "padding": padding, "bias": bias})


def norm(channels):
    return layer("BatchNorm", {"channels": channels, "eps": 1e-05, "momentum": 0.1})


def linear(inputs, outputs):
    return layer("Linear", {"in_features": inputs, "out_features": outputs, "bias": True})


def sequential(*children):
    return layer("Sequential", children=children)


def topology(root, shape, origin=None):
    description = {"version": 1, "name": "net", "input": shape, "root": root}
    if origin:
        description["origin"] = origin
    return description


def zeros(*shape):
    return ("F32", list(shape), None)


def ones(*shape):
    return ("F32", list(shape), struct.pack("<f", 1) * numel(shape))


def norm_tensors(name, channels):
    return {f"{name}.weight": ones(channels), f"{name}.bias": zeros(channels),
            f"{name}.running_mean": zeros(channels), f"{name}.running_var": ones(channels),
            f"{name}.num_batches_tracked": ("I64", [], struct.pack("<q", 3))}


POOL = {"kernel": 2, "stride": 2, "padding": 0}
ORIGIN = {"layers": {"conv": {"units": 4, "weights": 36, "macs": 576}},
          "left": {"layers": 1, "filters": 2, "neurons": 3}}
RECIPE = {"epochs": 2, "batch": 128, "lr": 0.1, "optimizer": "sgd", "momentum": 0.9,
          "momentum_cycle": 0.05, "weight_decay": 0.0005, "schedule": "one-cycle", "warmup": 0.2,
          "step_every": 4, "gamma": 0.1, "label_smoothing": 0, "clip": 2, "ema": 0, "crop": 4,
          "flip": True, "seed": 1, "regulariser": "l1", "strength": 0.0001}
TRAINING = {"recipe": RECIPE, "epochs_done": 1, "steps_done": 7,
            "epoch": {"steps": 3, "images": 384, "correct": 100, "loss": 20.5, "seconds": 1.5}}
INPUT = {"data": "CIFAR-10", "mean": [0.5], "std": [0.25], "classes": ["cat", "dog"]}


def models():
    dense = topology(sequential(("conv", conv(1, 2, 3, 1)), ("bn", norm(2)),
                                ("relu", layer("ReLU")), ("pool", layer("MaxPool2d", POOL)),
                                ("flat", layer("Flatten")), ("fc", linear(8, 2))),
                     [1, 4, 4], ORIGIN)
    dense_tensors = {"conv.weight": ones(2, 1, 3, 3), "conv.bias": zeros(2),
                     "conv.weight.mask": ("U8", [2, 1, 3, 3], b"\1\0\1" * 6),
                     "conv.weight.state.momentum": zeros(2, 1, 3, 3), **norm_tensors("bn", 2),
                     "fc.weight": ones(2, 8), "fc.bias": zeros(2), "extra/mean": ones(1)}
    residual = topology(
        sequential(("block", layer("Residual", children=(
            ("", sequential(("conv1", conv(2, 2, 3, 1, False)), ("bn1", norm(2)),
                            ("relu", layer("ReLU")), ("conv2", conv(2, 2, 1, 0, False)),
                            ("bn2", norm(2)))),
            ("shortcut", sequential(("0", conv(2, 2, 1, 0, False)))), ("relu", layer("ReLU"))))),
                   ("pool", layer("GlobalAvgPool")), ("flat", layer("Flatten"))), [2, 3, 3])
    residual_tensors = {"block.conv1.weight": ones(2, 2, 3, 3), **norm_tensors("block.bn1", 2),
                        "block.conv2.weight": ones(2, 2, 1, 1), **norm_tensors("block.bn2", 2),
                        "block.shortcut.0.weight": zeros(2, 2, 1, 1)}
    sparse = topology(sequential(
        ("conv", layer("SparseConv2d", {"in_channels": 1, "out_channels": 2, "kernel": 3,
                                        "stride": 1, "padding": 1, "nonzero": 4, "bias": True})),
        ("leaky", layer("LeakyReLU", {"slope": 0.01})), ("flat", layer("Flatten")),
        ("drop", layer("Dropout", {"p": 0.5, "seed": 1, "step": 2})),
        ("fc", layer("SparseLinear", {"in_features": 18, "out_features": 2, "nonzero": 3,
                                      "bias": True}))), [1, 3, 3])
    sparse_tensors = {"conv.weight": ones(4), "conv.bias": zeros(2),
                      "conv.weight.columns": ("U8", [4], bytes([0, 4, 1, 8])),
                      "conv.weight.row_starts": ("U8", [3], bytes([0, 2, 4])),
                      "fc.weight": ones(3), "fc.bias": zeros(2),
                      "fc.weight.columns": ("U8", [3], bytes([1, 17, 5])),
                      "fc.weight.row_starts": ("U8", [3], bytes([0, 2, 3]))}
    others = topology(sequential(("gelu", layer("GELU")), ("pool", layer("AvgPool2d", POOL)),
                                 ("same", layer("Identity"))), [1, 2, 2])
    return {"dense": (dense, dense_tensors), "residual": (residual, residual_tensors),
            "sparse": (sparse, sparse_tensors), "others": (others, {})}


def put_models():
    for name, (description, tensors) in models().items():
        text = json.dumps(description, separators=(",", ":"))
        put("topology", name, text.encode())
        metadata = {"format": "pt", "espalier.topology": text}
        if name == "dense":
            metadata["espalier.training"] = json.dumps(TRAINING)
            metadata["espalier.input"] = json.dumps(INPUT)
        put("model", name, safetensors(tensors, metadata, framed=True))
    put("safetensors", "types", safetensors(
        {"a": ("F64", [2], None), "b": ("F32", [2, 1], None), "c": ("F16", [3], None),
         "d": ("BF16", [1, 1, 1], None), "e": ("U8", [], b"\7"), "f": ("I64", [0], None)},
        {"format": "pt"}))
    put("safetensors", "framed", safetensors({"a": ("F32", [2, 2], None)}, {"k": "v"}, framed=True))
    put("safetensors", "empty", safetensors({}))


def put_metadata():
    def joined(pairs):
        return b"\0".join(part.encode() for pair in pairs for part in pair) + b"\0"
    of_three = dict(INPUT, mean=[0.5] * 3, std=[0.25] * 3)
    put("metadata", "both", joined([("espalier.training", json.dumps(TRAINING)),
                                    ("espalier.input", json.dumps(of_three))]))
    finished = {"recipe": RECIPE, "epochs_done": 2, "steps_done": 8}
    put("metadata", "finished", joined([("espalier.training", json.dumps(finished))]))


# ---- Logs and command lines --------------------------------------------------
def put_words():
    pruning = {"structure": "filter", "criterion": "magnitude", "scope": "global", "count": "macs",
               "schedule": "cubic", "sparsity": 0.9}
    lines = [{"event": "train", "command": "espalier train", "data": "shapes", "system": "x",
              "recipe": RECIPE},
             {"epoch": 1, "test_accuracy": 0.5, "test_loss": 1.5, "test_images": 100},
             {"event": "interrupted", "epoch": 1}, {"event": "resume", "command": "espalier train"},
             {"event": "level", "level": 1, "sparsity": 0.5},
             {"event": "prune", "pruning": pruning, "seed": 3, "accuracy_dense": 0.8},
             {"event": "pruned", "accuracy": 0.7, "test_images": 100, "epoch": 2,
              "accuracy_before_finetune": 0.6, "epochs_before_finetune": 1}]
    put("log", "all", b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    put("log", "prune-first", b"".join(json.dumps(line).encode() + b"\n" for line in lines[5:]))
    commands = {
        "train": "train --model convnet --epochs 2 --out net.safetensors --lr 0.1 --seed 1 --json",
        "prune": "prune net.safetensors --structure filter --criterion taylor --sparsity 0.5 "
                 "--scope global --count macs --ratio conv1=0.3 --schedule cubic --threads 2",
        "nm": "prune a --structure n:m --pattern 2:4 --epochs 0",
        "block": "prune a --structure block --block 4x4 --sparsity 0.9 --only fc --leave-out conv",
        "threshold": "prune a --criterion threshold --threshold 0.01 --epochs 1 --lr-schedule step",
        "help": "prune --help",
        "version": "--version",
        "unknown": "tarin --lr",
        "report": "report a b --no-bench --out r.html",
    }
    for name, words in commands.items():
        put("command_line", name, "\n".join(words.split(" ")).encode())


# ---- Data sets ---------------------------------------------------------------
def idx(*extents):
    head = struct.pack(">I", 0x800 + len(extents)) + b"".join(struct.pack(">I", n) for n in extents)
    return head + bytes(i % 10 for i in range(numel(extents)))


def put_data():
    images, labels = idx(2, 3, 4), idx(5)
    packed = [gzip.compress(content, mtime=0) for content in (images, labels)]
    twice = gzip.compress(labels[:7], mtime=0) + gzip.compress(labels[7:], mtime=0)
    contents = {"images": b"\0" + images, "images-gzip": b"\1" + packed[0],
                "labels": b"\2" + labels, "labels-gzip": b"\3" + packed[1],
                "labels-gzip-twice": b"\3" + twice, "ten": b"\4" + b"\3" + b"\x80" * 3072,
                "ten-short": b"\4" + bytes(range(60)), "hundred": b"\5" + b"\3\x2a" + b"\x80" * 3072,
                "names": b"\6" + b"airplane\nbird\r\ncat\n\n"}
    for name, content in contents.items():
        put("data", name, content)


# ---- Images ------------------------------------------------------------------
def png(width, height, depth, colour, rows, palette=b"", interlace=0):
    def chunk(name, content):
        crc = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", crc)
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + (chunk(b"PLTE", palette) if palette else b"")
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def jpeg():
    """8x8 pixels of grey 136: one coefficient, coded by tables of two codes and of one."""
    return (bytes([0xff, 0xd8, 0xff, 0xdb, 0, 67, 0]) + b"\1" * 64
            + bytes([0xff, 0xc0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0])
            + bytes([0xff, 0xc4, 0, 21, 0x00, 1, 1]) + bytes(15) + bytes([7])
            + bytes([0xff, 0xc4, 0, 20, 0x10, 1]) + bytes(16)
            + bytes([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0xa0, 0x3f, 0xff, 0xd9]))


def exif(orientation):
    tiff = (b"II*\0" + struct.pack("<IH", 8, 1)
            + struct.pack("<HHIHHI", 0x112, 3, 1, orientation, 0, 0))
    content = b"Exif\0\0" + tiff
    return b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content


def bmp(bits, palette, rows):
    offset = 54 + len(palette)
    head = struct.pack("<2sIHHIIiiHHIIiiII", b"BM", offset + len(rows), 0, 0, offset, 40, 2, 2, 1,
                       bits, 0, len(rows), 2835, 2835, len(palette) // 4, 0)
    return head + palette + rows


def tga(kind, depth, content, palette=b""):
    head = struct.pack("<BBBHHBHHHHBB", 0, 1 if palette else 0, kind, 0, len(palette) // 3,
                       24 if palette else 0, 0, 0, 2, 2, depth, 0x20)
    return head + palette + content


def psd(compression, content, depth=8):
    return (struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, 2, 2, depth, 3) + struct.pack(">III", 0, 0, 0)
            + struct.pack(">H", compression) + content)


def put_images():
    images = {
        "png-grey": png(2, 2, 8, 0, b"\0\1\2\1\3\4"),
        "png-rgb": png(2, 2, 8, 2, b"\2" + bytes(6) + b"\4" + bytes(range(6))),
        "png-palette": png(3, 1, 2, 3, b"\0\x1b", palette=bytes(range(12))),
        "png-16": png(1, 2, 16, 4, b"\0\1\2\3\4" + b"\3\1\2\3\4"),
        "png-interlaced": png(3, 3, 8, 6, b"".join(b"\0" + bytes(4 * n) for n in (1, 1, 2, 2, 1, 3)),
                              interlace=1),
        "jpeg": jpeg(),
        "jpeg-exif": jpeg()[:2] + exif(6) + jpeg()[2:],
        "bmp-24": bmp(24, b"", bytes(range(16))),
        "bmp-8": bmp(8, bytes(range(16)), b"\0\1\0\0\2\3\0\0"),
        "gif": b"GIF89a\2\0\2\0\x80\0\0\0\0\0\xff\xff\xff"
               b"!\xf9\4\1\0\0\0\0,\0\0\0\0\2\0\2\0\0\2\3\x0c\x10\5\0;",
        "tga-rgb": tga(2, 24, bytes(range(12))),
        "tga-rle": tga(10, 32, b"\x83\1\2\3\4"),
        "tga-palette": tga(1, 8, b"\0\1\1\0", palette=bytes(range(6))),
        "psd-raw": psd(0, bytes(range(12))),
        "psd-rle": psd(1, struct.pack(">6H", *[2] * 6) + b"\xff\7" * 6),
        "psd-16": psd(0, bytes(range(24)), depth=16),
        "pgm": b"P5 2 2 255\n\1\2\3\4",
        "pgm-16": b"P5 2 1 65535\n\1\2\3\4",
        "ppm": b"P6 # a comment\n2 1 255\n\1\2\3\4\5\6",
    }
    for name, content in images.items():
        put("images", name, content)


put_models()
put_metadata()
put_words()
put_data()
put_images()
