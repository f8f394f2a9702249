"""Writes golden/blocks.gguf: for each type T that formats/gguf_dequantise.c reads, a tensor "blocks.T" of random blocks and
"values.T", what the gguf package (numpy) makes of them in F32.

pip install gguf==0.19.0 numpy==2.4.6; python3 tests/formats/make_gguf_golden.py
"""
import pathlib

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFWriter, quants

BLOCKS = {"Q4_0": 12, "Q4_1": 12, "Q5_0": 12, "Q8_0": 12, "Q4_K": 12, "Q6_K": 12, "F16": 96, "BF16": 96, "F32": 96}
# where a block's half-precision numbers lie
HALVES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q8_0": [0], "Q4_K": [0, 2], "Q6_K": [208]}
# 0, -0, smallest and largest subnormal, smallest normal, 1, largest, -largest, infinity, NaN
EXTREMES = {
    "half": [0x0000, 0x8000, 0x0001, 0x83ff, 0x0400, 0x3c00, 0x7bff, 0xfbff, 0x7c00, 0x7e00],
    "F16": [0x0000, 0x8000, 0x0001, 0x83ff, 0x0400, 0x3c00, 0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7e00, 0x03ff, 0x8001],
    "BF16": [0x0000, 0x8000, 0x0001, 0x807f, 0x0080, 0x3f80, 0x7f7f, 0xff7f, 0x7f80, 0xff80, 0x7fc0],
    "F32": [0x00000000, 0x80000000, 0x00000001, 0x807fffff, 0x00800000, 0x7f7fffff, 0xff800000, 0x7fc00000],
}


def random_blocks(name, rng):
    _, size = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
    blocks = rng.integers(0, 256, (BLOCKS[name], size), dtype=np.uint8)
    if name in HALVES:
        scales = rng.normal(0, 0.02, (len(blocks), 2)).astype(np.float16)  # as of weights
        extremes = np.array(EXTREMES["half"], dtype=np.uint16).view(np.float16)
        # every extreme once, in the first number and, shifted, in the second; the rest of the blocks stay ordinary
        for i in range(min(len(blocks), len(extremes))):
            scales[i] = extremes[i], extremes[(i + 4) % len(extremes)]
        for k, at in enumerate(HALVES[name]):
            blocks[:, at:at + 2] = scales[:, k:k + 1].view(np.uint8)
    else:
        kind = np.uint32 if name == "F32" else np.uint16
        extremes = np.array(EXTREMES[name], dtype=kind)
        blocks[:len(extremes)] = extremes.view(np.uint8).reshape(len(extremes), size)
    return blocks


def main():
    rng = np.random.default_rng(11)
    path = pathlib.Path(__file__).parent / "golden" / "blocks.gguf"
    writer = GGUFWriter(path, "llama")
    for name in BLOCKS:
        kind = GGMLQuantizationType[name]
        blocks = random_blocks(name, rng)
        with np.errstate(all="ignore"):
            if name == "F32":
                values, stored = blocks.reshape(-1).view(np.float32), blocks.reshape(-1).view(np.float32)
            else:
                values, stored = quants.dequantize(blocks.reshape(-1), kind), blocks.reshape(-1)
        writer.add_tensor("blocks." + name, stored, raw_dtype=kind)
        writer.add_tensor("values." + name, np.ascontiguousarray(values.reshape(-1), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


main()
