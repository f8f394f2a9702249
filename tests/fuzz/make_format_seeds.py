"""Writes the seeds of fuzz_gguf and fuzz_safetensors: small files with every tensor type and metadata kind."""
import json, pathlib, struct

here = pathlib.Path(__file__).parent / "seeds"


def string(text):
    return struct.pack("<Q", len(text)) + text.encode()


def gguf():
    blocks = {0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 8: (32, 34), 12: (256, 144), 14: (256, 210), 30: (1, 2)}
    meta = [
        string("general.architecture") + struct.pack("<I", 8) + string("llama"),
        string("general.alignment") + struct.pack("<II", 4, 32),
        string("llama.rope.freq_base") + struct.pack("<If", 6, 10000.0),
        string("llama.block_count") + struct.pack("<IQ", 10, 1),
        string("a.bool") + struct.pack("<IB", 7, 1),
        string("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 2) + string("a") + string("b"),
        string("tokenizer.ggml.token_type") + struct.pack("<IIQ", 9, 5, 2) + struct.pack("<ii", 1, 3),
    ]
    infos, data = b"", b""
    for kind, (elements, size) in blocks.items():
        infos += string(f"t{kind}") + struct.pack("<IQQIQ", 2, elements, 2, kind, len(data))
        data += bytes(range(1, size + 1)) * 2
        data += b"\0" * (-len(data) % 32)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(blocks), len(meta)) + b"".join(meta) + infos
    return head + b"\0" * (-len(head) % 32) + data


def safetensors():
    sizes = {"F32": 4, "F16": 2, "BF16": 2, "F64": 8, "I32": 4, "I64": 8, "U8": 1}
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, size in sizes.items():
        header[name.lower()] = {"dtype": name, "shape": [2, 3], "data_offsets": [at, at + 6 * size]}
        at += 6 * size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(i % 251 for i in range(at))


(here / "gguf" / "all_types.gguf").write_bytes(gguf())
(here / "safetensors" / "all_types.safetensors").write_bytes(safetensors())
