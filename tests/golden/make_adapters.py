#!/usr/bin/env python3
"""Writes adapter/ into each folder of make_golden.py: a LoRA adapter over its checkpoint, as PEFT saves it.

    python3 make_adapters.py OUT [--seed N]

Beside adapter_config.json and adapter_model.safetensors lie forward.safetensors, sft.safetensors and
sft_steps.safetensors, as make_golden.py says, of the adapted model: gradients and final values are those of the
adapters alone, under their names in adapter_model.safetensors.

The folders beside this file are of the default seed, by PyTorch 2.15.0, Transformers 5.24.0 and PEFT 0.21.2.
"""
import argparse
import pathlib
import random

import torch
from make_golden import forward_file, save_file, sft_files
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

# Ranks on purpose no multiples of a vector's width; B is as large as A, so that every gradient counts.
ADAPTERS = {
    "qwen2": dict(r=5, lora_alpha=7, target_modules="all-linear"),
    "llama": dict(r=3, lora_alpha=4, target_modules=["q_proj", "v_proj", "down_proj"], use_rslora=True),
    "qwen3": dict(r=4, lora_alpha=6, target_modules=["k_proj", "o_proj", "gate_proj", "up_proj"], lora_dropout=0.1),
}


def make_adapted(folder, family, seed):
    base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", **ADAPTERS[family]))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def write_adapter(folder, family, seed):
    rng = random.Random(seed)
    model = make_adapted(folder, family, seed)
    vocabulary = model.config.vocab_size
    model.peft_config["default"].base_model_name_or_path = family
    model.save_pretrained(folder / "adapter")
    (folder / "adapter" / "README.md").unlink(missing_ok=True)

    def ids(n):
        return [rng.randrange(vocabulary) for _ in range(n)]
    save_file(forward_file(model, ids(67)), folder / "adapter" / "forward.safetensors")
    rows = [ids(n) for n in (29, 11, 37)]
    masks = [[int(t >= start and t % 5 != 0) for t in range(len(row))] for row, start in zip(rows, (3, 1, 20))]
    sft, steps = sft_files(model, rows, masks)
    save_file(sft, folder / "adapter" / "sft.safetensors")
    save_file(steps, folder / "adapter" / "sft_steps.safetensors")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1977)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for number, family in enumerate(ADAPTERS):
        write_adapter(arguments.out / family, family, arguments.seed + 10 * number)


if __name__ == "__main__":
    main()
