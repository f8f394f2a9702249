"""Loads saved model folders with Transformers and holds its log-probs against those of `rlt logp`. Run by hand:

python3 tests/formats/peer_transformers.py build/rlt build/scratch/model_io/*   (the folders that test_model_io leaves)

Transformers computes in double (its RoPE in single) from the weights of the file, so what is left is rounding in F32. A
folder passes where all log-probs are within 1e-4.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from transformers import AutoModelForCausalLM

LENGTHS = [2, 17, 60]


def peer_logp(model, ids):
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0].double()
    return torch.log_softmax(logits, -1)[:-1].gather(1, torch.tensor(ids[1:])[:, None])[:, 0]


def our_logp(rlt, folder, rows):
    with tempfile.TemporaryDirectory() as scratch:
        ids = pathlib.Path(scratch, "ids.jsonl")
        ids.write_text("".join(json.dumps({"ids": row}) + "\n" for row in rows))
        out = subprocess.run([rlt, "logp", f"model={folder}", f"in={ids}"], check=True, capture_output=True, text=True)
    return [json.loads(line)["logp"] for line in out.stdout.splitlines()]


def difference(rlt, folder):
    model, loading = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64, output_loading_info=True)
    assert not loading["missing_keys"] and not loading["unexpected_keys"], (folder, loading)
    model.eval()
    torch.manual_seed(0)
    rows = [torch.randint(model.config.vocab_size, (n,)).tolist() for n in LENGTHS]
    worst = 0.0
    for ids, ours in zip(rows, our_logp(rlt, folder, rows), strict=True):
        worst = max(worst, (peer_logp(model, ids) - torch.tensor(ours, dtype=torch.float64)).abs().max().item())
    return worst


def main():
    rlt, folders = sys.argv[1], sys.argv[2:]
    failed = 0
    for folder in folders:
        worst = difference(rlt, folder)
        failed += not worst < 1e-4
        print(f"{pathlib.Path(folder).name:20} {worst:.2e} {'ok' if worst < 1e-4 else 'FAILED'}")
    return 1 if failed or not folders else 0


sys.exit(main())
