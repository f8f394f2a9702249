"""Writes golden/{llama,qwen2,qwen3}.gguf: tiny models as llama.cpp's converter writes them, with the gguf package's writer and
its own map of tensor names. Matrices F16, vectors F32; values are value() below, exact in F16.

pip install gguf==0.19.0 numpy==2.4.6; python3 tests/formats/make_gguf_models.py
"""
import pathlib

import numpy as np
from gguf import MODEL_ARCH, GGUFWriter, TokenType, get_tensor_name_map

HIDDEN, LAYERS, HEADS, KV_HEADS, DIM, FFN, VOCABULARY = 16, 2, 2, 1, 12, 24, 260


def value(name, shape):
    """Element k of a tensor: a multiple of 1/64 that depends on the tensor's Hugging Face name."""
    k = np.arange(np.prod(shape), dtype=np.int64)
    return (((k * 7919 + sum(name.encode()) * 4099) % 257 - 128) / 64).astype(np.float32).reshape(shape)


def tensors(family):
    shapes = {"model.embed_tokens.weight": (VOCABULARY, HIDDEN), "model.norm.weight": (HIDDEN,)}
    if family == "llama":
        shapes["lm_head.weight"] = (VOCABULARY, HIDDEN)
    for i in range(LAYERS):
        at = f"model.layers.{i}."
        for name, rows, cols in [("q", HEADS * DIM, HIDDEN), ("k", KV_HEADS * DIM, HIDDEN), ("v", KV_HEADS * DIM, HIDDEN),
                                 ("o", HIDDEN, HEADS * DIM)]:
            shapes[f"{at}self_attn.{name}_proj.weight"] = (rows, cols)
            if family == "qwen2" and name != "o":
                shapes[f"{at}self_attn.{name}_proj.bias"] = (rows,)
        if family == "qwen3":
            shapes[at + "self_attn.q_norm.weight"] = shapes[at + "self_attn.k_norm.weight"] = (DIM,)
        for name, rows, cols in [("gate", FFN, HIDDEN), ("up", FFN, HIDDEN), ("down", HIDDEN, FFN)]:
            shapes[f"{at}mlp.{name}_proj.weight"] = (rows, cols)
        shapes[at + "input_layernorm.weight"] = shapes[at + "post_attention_layernorm.weight"] = (HIDDEN,)
    return {name: value(name, shape) for name, shape in shapes.items()}


def permute(weights, n_head):
    """What the converter does to q and k of the llama architecture."""
    return weights.reshape(n_head, 2, weights.shape[0] // n_head // 2, *weights.shape[1:]).swapaxes(1, 2).reshape(weights.shape)


def write_metadata(w):
    w.add_context_length(64)
    w.add_embedding_length(HIDDEN)
    w.add_block_count(LAYERS)
    w.add_feed_forward_length(FFN)
    w.add_head_count(HEADS)
    w.add_head_count_kv(KV_HEADS)
    w.add_key_length(DIM)
    w.add_value_length(DIM)
    w.add_rope_freq_base(5000.0)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("qwen2")
    w.add_token_list([f"t{i}" for i in range(VOCABULARY - 2)] + ["<end>", "<turn>"])
    w.add_token_types([TokenType.NORMAL] * (VOCABULARY - 3) + [TokenType.USER_DEFINED] + [TokenType.CONTROL] * 2)
    w.add_token_merges(["t1 t2", "t3 t4"])
    w.add_bos_token_id(7)
    w.add_eos_token_id(VOCABULARY - 2)
    w.add_eot_token_id(VOCABULARY - 1)
    w.add_chat_template("{{ messages }}")


def write(family, path):
    w = GGUFWriter(path, family)
    write_metadata(w)
    names = get_tensor_name_map(MODEL_ARCH[family.upper()], LAYERS)
    for name, values in tensors(family).items():
        if family == "llama" and ".q_proj." in name:
            values = permute(values, HEADS)
        if family == "llama" and ".k_proj." in name:
            values = permute(values, KV_HEADS)
        stored = values.astype(np.float16) if values.ndim == 2 else values
        w.add_tensor(names.get_name(name, try_suffixes=(".weight", ".bias")), np.ascontiguousarray(stored))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


for family in ("llama", "qwen2", "qwen3"):
    write(family, pathlib.Path(__file__).parent / "golden" / f"{family}.gguf")
